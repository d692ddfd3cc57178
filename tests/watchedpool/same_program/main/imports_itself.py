import importlib
import sys

print("running as", __name__)
if __name__ == "__main__":
    import program

    print(program.__name__, program.__spec__.name, program is not sys.modules["__main__"])
    importlib.reload(program)
