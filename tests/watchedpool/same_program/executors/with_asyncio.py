import asyncio
import contextvars
import multiprocessing as mp
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

name = contextvars.ContextVar("name", default="nobody")


def divide(dividend, divisor):
    return dividend / divisor


async def main():
    loop = asyncio.get_running_loop()
    name.set("main")
    for kind in (ProcessPoolExecutor, ThreadPoolExecutor):
        with kind(2) as executor:
            futures = [loop.run_in_executor(executor, divide, x, 2) for x in range(4)]
            print(await asyncio.gather(*futures), [type(each) for each in futures])
            print(await asyncio.wrap_future(executor.submit(divide, 1, 2)))
            for awaitable in (
                loop.run_in_executor(executor, divide, 1, 0),
                asyncio.wrap_future(executor.submit(divide, 1, 0)),
            ):
                try:
                    await awaitable
                except ZeroDivisionError:
                    traceback.print_exc(file=sys.stdout)
            for each in asyncio.as_completed([asyncio.wrap_future(executor.submit(abs, -1))]):
                print(await each)
    print(await loop.run_in_executor(None, divide, 1, 4))
    print(await asyncio.to_thread(name.get), await loop.run_in_executor(None, name.get))
    return "returned"


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    print(asyncio.run(main()))
