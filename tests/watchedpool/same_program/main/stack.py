import inspect
import traceback


def look():
    traceback.print_stack()
    print([frame.function for frame in inspect.stack()])


look()
