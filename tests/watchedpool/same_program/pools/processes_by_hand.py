import multiprocessing as mp
import sys


class Worker(mp.Process):
    def __init__(self, tasks, results):
        super().__init__(name="by hand")
        self.tasks, self.results = tasks, results

    def run(self):
        for task in iter(self.tasks.get, None):
            self.results.put((self.name, task * task))


def fail():
    raise SystemExit(3)


def print_error():
    raise KeyError("in a process")


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    tasks, results = mp.JoinableQueue(), mp.SimpleQueue()
    worker = Worker(tasks, results)
    worker.start()
    for task in range(3):
        tasks.put(task)
    tasks.put(None)
    print([results.get() for _ in range(3)])
    worker.join()
    for target in (fail, print_error):
        process = mp.Process(target=target)
        process.start()
        process.join()
        print(worker.exitcode, process.exitcode, process.name)
