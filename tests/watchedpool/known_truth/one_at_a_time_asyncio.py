# wanted: one-at-a-time
import sys
import time
import asyncio
from concurrent.futures import ProcessPoolExecutor

CHANGED = sys.argv[1:] == ["changed"]


def nap(seconds):
    time.sleep(seconds)
    return seconds


async def wait_for_all():
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(3) as pool:
        waits = [loop.run_in_executor(pool, nap, 0.1) for _ in range(15 * CHANGED)]
        await asyncio.gather(*waits)
        for _ in range(15 * (not CHANGED)):
            await loop.run_in_executor(pool, nap, 0.1)


def main():
    asyncio.run(wait_for_all())


if __name__ == "__main__":
    begin = time.perf_counter()
    main()
    print(time.perf_counter() - begin)
