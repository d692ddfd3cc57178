// Run: what happened to each task of a pool, and what follows from it, as watchedpool/timeline.py.
"use strict";
(() => {
  const COLUMNS = ["worker", "start", "finish", "delivered"];

  class Run {
    // columns: worker, start, finish, delivered; seconds, and NaN for what has not happened.
    // label: the number of each task in its picture; errors: what tasks raised, by row.
    constructor({worker, start, finish, delivered}, {label = null, errors = {}} = {}) {
      Object.assign(this, {worker, start, finish, delivered, label, errors});
      this.tasks = start.length;
      this.lanes = worker.reduce((most, one) => Math.max(most, one + 1), 0);
      this.finishes = sorted(finish);
      this.deliveries = sorted(delivered);
      this.starts = sorted(start);
      this.makespan = this.finishes.at(-1) ?? 0;
      this.end = Math.max(this.starts.at(-1) ?? 0, this.makespan, this.deliveries.at(-1) ?? 0);
      this.threshold = Math.min(0.05, this.makespan / 50);
      this.worst = this.findWorst();
      this.byLane = this.sortLanes();
    }

    // Return the run that run_as_data (Python) gave: whole microseconds, each number relative to
    // the one that it follows.
    static decode(data) {
      for (const name of COLUMNS) {
        if (!Array.isArray(data?.[name])) {
          throw new TypeError(`This is not a run: its column "${name}" is missing.`);
        }
        if (data[name].length !== data.start.length) {
          throw new TypeError(`This is not a run: its column "${name}" has another length.`);
        }
      }
      const tasks = data.start.length;
      const columns = {worker: Int32Array.from(data.worker)};
      for (const name of COLUMNS.slice(1)) columns[name] = new Float64Array(tasks).fill(NaN);
      let before = 0;
      for (let task = 0; task < tasks; task++) {
        const {start, finish, delivered} = data;
        let at = 0;
        if (start[task] !== null) columns.start[task] = (at = before += start[task]) / 1e6;
        if (finish[task] !== null) columns.finish[task] = (at += finish[task]) / 1e6;
        if (delivered[task] !== null) columns.delivered[task] = (at + delivered[task]) / 1e6;
      }
      const errors = {};
      for (const [text, rows] of data.errors ?? []) for (const row of rows) errors[row] = text;
      return new Run(columns, {errors});
    }

    // Return the moment when the most tasks waited, and how many were finished and delivered then.
    findWorst() {
      const until = this.delivered.map((at) => (isNaN(at) ? this.end : at));
      const late = [...until.keys()].filter((row) => this.finish[row] + this.threshold < until[row]);
      if (!late.length) return {moment: 0, finished: 0, delivered: 0, behind: 0};
      const since = sorted(Float64Array.from(late, (row) => this.finish[row] + this.threshold));
      const ends = sorted(Float64Array.from(late, (row) => until[row]));
      let peak = 0, behind = 0;
      since.forEach((moment, place) => {
        const now = countUntil(since, moment) - countUntil(ends, moment);
        if (now > behind) [peak, behind] = [place, now];
      });
      const all = sorted(until);
      const delivered = countUntil(all, since[peak]);
      return {moment: all[delivered], finished: delivered + behind, delivered, behind};
    }

    // Return the tasks of each lane in order, with the sums of the seconds that it was busy.
    sortLanes() {
      const lanes = Array.from({length: this.lanes}, () => []);
      this.start.forEach((at, row) => isNaN(at) || lanes[this.worker[row]].push(row));
      return lanes.map((rows) => {
        rows.sort((one, other) => this.start[one] - this.start[other]);
        const starts = Float64Array.from(rows, (row) => this.start[row]);
        const ends = Float64Array.from(rows, (row) => this.lasted(row));
        const busy = new Float64Array(rows.length + 1);
        rows.forEach((_, place) => (busy[place + 1] = busy[place] + ends[place] - starts[place]));
        return {rows, starts, ends, busy};
      });
    }

    // Return when a task finished; one without an end lasts until the end of the run.
    lasted(row) {
      return isNaN(this.finish[row]) ? this.end : this.finish[row];
    }

    name(row) {
      return `task ${this.label ? this.label[row] : row}`;
    }

    finishedAt(moment) {
      return countUntil(this.finishes, moment);
    }

    deliveredAt(moment) {
      return countUntil(this.deliveries, moment);
    }

    // Return how many tasks a bar shows that is drawn at most every `interval` seconds, as tqdm is.
    drawnAt(moment, interval) {
      if (!interval) return this.deliveredAt(moment);
      if (this.drawn?.interval !== interval) {
        const moments = [], counts = [];
        let last = 0;
        this.deliveries.forEach((at, place) => {
          if (at - last < interval && place + 1 < this.tasks) return; // the last one is drawn
          last = at;
          moments.push(at);
          counts.push(place + 1);
        });
        this.drawn = {interval, moments, counts};
      }
      return this.drawn.counts[countUntil(this.drawn.moments, moment) - 1] ?? 0;
    }

    // Return the run in words: the first lines of Timeline.describe().
    describe() {
      if (!this.tasks) return "No task was submitted.";
      const {moment, finished, delivered, behind} = this.worst;
      const sum = `${count(this.tasks, "task")} on ${count(this.lanes, "worker")}, ` +
        `${this.makespan.toFixed(2)} s.`;
      if (!behind) return `${sum} Every task is delivered as it finishes.`;
      return `${sum} Most behind at ${moment.toFixed(2)} s: ${finished} finished, ` +
        `${delivered} delivered.`;
    }
  }

  function count(number, noun) {
    return `${number} ${noun}${number === 1 ? "" : "s"}`;
  }

  // Return the numbers in order, without NaN.
  function sorted(times) {
    return times.filter((at) => !isNaN(at)).sort();
  }

  // Return how many of these sorted times have come by the moment.
  function countUntil(times, moment) {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  globalThis.watchedpool = {...globalThis.watchedpool, Run, count, countUntil};
})();
