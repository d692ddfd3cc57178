import multiprocessing as mp
import sys
import traceback


def share(given, given_lock, given_value):
    global queue, lock, value
    queue, lock, value = given, given_lock, given_value


def produce(x):
    with lock:
        value.value += x
    queue.put((x, x * x))


def listen(queue, connection):
    connection.send(sorted(iter(queue.get, None)))
    connection.close()


def take(queue):
    return queue.get()


if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    queue, lock, value = mp.Queue(), mp.Lock(), mp.Value("i", 0, lock=False)
    receiver, sender = mp.Pipe(duplex=False)
    listener = mp.Process(target=listen, args=(queue, sender))
    listener.start()
    with mp.Pool(2, share, (queue, lock, value)) as pool:
        pool.map(produce, range(5))
        try:
            pool.apply(take, (queue,))
        except RuntimeError:
            traceback.print_exc(file=sys.stdout)
        pool.close()
        pool.join()  # so that what the workers have put is sent
    queue.put(None)
    print(receiver.recv(), value.value)
    listener.join()
    print(listener.exitcode)
