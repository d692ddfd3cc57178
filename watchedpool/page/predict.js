// predict(): the run of a pool, computed as watchedpool/schedule.py computes it. Nothing runs.
"use strict";
(() => {
  const DELIVERY = {
    map: (ends) => {
      const last = ends.reduce((one, other) => Math.max(one, other), 0);
      return ends.map(() => last); // all, with the last chunk
    },
    imap: (ends) => {
      let last = -Infinity;
      return ends.map((end) => (last = Math.max(last, end)));
    },
    imap_unordered: (ends) => ends.slice(),
    apply_async: (ends) => ends.slice(),
  };

  // Return the columns of a run of tasks of these durations, in seconds. The arguments are those of
  // predict() in Python; chunksize null stands for the default of Pool.map.
  function predict({durations, workers, chunksize = 1, method = "imap", startup = 0, gap = 0}) {
    checkWhole("workers", workers);
    if (!DELIVERY[method]) throw new RangeError(`method is ${method}; unknown`);
    const tasks = durations.length;
    if (chunksize === null) chunksize = Math.ceil(tasks / (4 * workers)) || 1;
    checkWhole("chunksize", chunksize);
    const size = Math.max(1, Math.min(chunksize, tasks));
    const free = Array.isArray(startup) ? startup : Array(workers).fill(startup);
    if (free.length !== workers) throw new RangeError(`startup has ${free.length} values`);
    for (const seconds of [...free, gap]) checkSeconds(seconds);
    durations.forEach(checkSeconds);

    const run = {
      worker: new Int32Array(tasks), start: new Float64Array(tasks),
      finish: new Float64Array(tasks), delivered: new Float64Array(tasks),
    };
    const heap = new Heap(free);
    const ends = [];
    for (let first = 0; first < tasks; first += size) {
      const {moment, worker} = heap.first();
      let done = 0;
      const last = Math.min(first + size, tasks);
      for (let task = first; task < last; task++) {
        run.worker[task] = worker;
        run.start[task] = moment + done;
        done += durations[task];
        run.finish[task] = moment + done;
      }
      ends.push(moment + done);
      heap.replaceFirst(moment + (done + gap));
    }
    const delivered = DELIVERY[method](ends);
    for (let task = 0; task < tasks; task++) {
      run.delivered[task] = delivered[Math.floor(task / size)];
    }
    numberWorkers(run, workers);
    return run;
  }

  // Workers, by the moment when they are free; among equals, the one with the lower number.
  class Heap {
    constructor(free) {
      this.nodes = free.map((moment, worker) => ({moment, worker}));
      this.nodes.sort((one, other) => one.moment - other.moment || one.worker - other.worker);
    }

    first() {
      return this.nodes[0];
    }

    replaceFirst(moment) {
      const {nodes} = this, node = {moment, worker: nodes[0].worker};
      const before = (one, other) =>
        one.moment < other.moment || (one.moment === other.moment && one.worker < other.worker);
      let place = 0;
      for (;;) {
        let child = 2 * place + 1;
        if (child >= nodes.length) break;
        if (child + 1 < nodes.length && before(nodes[child + 1], nodes[child])) child++;
        if (!before(nodes[child], node)) break;
        nodes[place] = nodes[child];
        place = child;
      }
      nodes[place] = node;
    }
  }

  // Number the workers in the order of their first start, as a Timeline does.
  function numberWorkers(run, workers) {
    const first = Array(workers).fill(Infinity);
    run.start.forEach((start, task) => {
      first[run.worker[task]] = Math.min(first[run.worker[task]], start);
    });
    const order = [...first.keys()].sort((one, other) =>
      (first[one] === first[other] ? 0 : first[one] - first[other]) || one - other);
    const number = [];
    order.forEach((worker, place) => (number[worker] = place));
    run.worker.forEach((worker, task) => (run.worker[task] = number[worker]));
  }

  function checkWhole(name, value) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${name} is ${value}; allowed is a whole number, 1 or more`);
    }
  }

  function checkSeconds(value) {
    if (!(value >= 0 && value < Infinity)) {
      throw new RangeError(`${value}; allowed are seconds, 0 or more`);
    }
  }

  globalThis.watchedpool = {...globalThis.watchedpool, predict};
})();
