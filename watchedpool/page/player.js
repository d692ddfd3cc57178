// The player: a run, or two on one clock, that can be played, stepped through and asked "what if?".
//
// watchedpool.mountPlayer(element, {timeline, title, description, ...}) fills an element. Each
// <div data-watchedpool> with a <script type="application/json"> of these options is filled when
// the page has loaded; what else is in it stays for browsers without JavaScript.
"use strict";
(() => {
  const {Run, count, countUntil, predict} = globalThis.watchedpool;
  // As watchedpool/plots/palette.py.
  const BLUE = "#007bc1", NEXT_BLUE = "#0066a1", ORANGE = "#c35400", GREY = "#6f777e";
  const LAG = ORANGE + "4d", RAIL = GREY + "50", GRID = GREY + "30";
  const STRIPES = "#b4bac0", STARTUP = "#8d949a", ON_BLOCK = "#ffffff", ON_STARTUP = "#0d1117";
  const striped = (colour) =>
    `repeating-linear-gradient(135deg, ${colour} 0 3px, ${colour}60 3px 6px)`;
  // The parts of a budget, from the most to the least useful; others are grey.
  const PARTS = {
    "running": BLUE, "waiting in tasks": striped(BLUE), "receiving": ORANGE,
    "sending": striped(ORANGE), "between tasks": LAG, "waiting for input": LAG,
    "start-up": STARTUP, "initializer": striped(GREY), "idle": GRID,
  };
  const FONT = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif';
  const TOP = 16, CURVES = 84, AXIS = 22, SPACE = 14, RIGHT = 10; // pixels
  const MOST_WAITS = 400; // more lines would cover each other
  const ICONS = {
    play: "M4 2.5v11l9-5.5z", pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
    back: "M12 2.5v11L5 8zM3 2.5h1.8v11H3z", step: "M4 2.5v11L11 8zM11.2 2.5H13v11h-1.8z",
    in: "M7 3h2v4h4v2H9v4H7V9H3V7h4z", out: "M3 7h10v2H3z", whole: "M2 2h5v2H4v3H2z",
  };
  const METHODS = [
    ["map", "map: all at the end"], ["imap", "imap: in order"],
    ["imap_unordered", "imap_unordered: as they finish"], ["apply_async", "apply_async: in a callback"],
  ];
  const EXECUTORS = [
    ["imap", "Executor.map: in order"], ["imap_unordered", "as_completed: as they finish"],
  ];
  const ORDERS = [["as it was", "as it was"], ["longest first", "longest first"],
    ["shortest first", "shortest first"]];

  class View {
    // One run: its name, its lanes and curves on a canvas, and the bars below.
    constructor(player, run, name) {
      Object.assign(this, {player, run, name});
      this.canvas = make("canvas", {role: "img"});
      this.tip = make("p", {className: "wp-tip", hidden: true});
      this.layers = [0, 1].map(() => document.createElement("canvas"));
      this.counts = {};
      const bars = make("div", {className: "wp-bars"});
      for (const kind of ["finished", "delivered"]) {
        const fill = make("i", {className: `wp-${kind}`}), lag = make("i", {className: "wp-lag"});
        const number = make("b", {});
        this.counts[kind] = {fill, lag, number};
        bars.append(make("span", {}, kind), make("div", {className: "wp-bar"}, lag, fill), number);
      }
      this.bar = make("code", {});
      bars.append(make("span", {}, "the bar"), this.bar);
      this.caption = make("figcaption", {});
      this.element = make("figure", {}, this.caption,
        make("div", {className: "wp-stage"}, this.canvas, this.tip), bars);
      this.setRun(run, name);
      this.listen();
    }

    setRun(run, name, note = "") {
      Object.assign(this, {run, name});
      this.caption.replaceChildren(make("b", {}, name), " " + (note || run.describe()));
      this.canvas.setAttribute("aria-label", `${name}: ${run.describe()}`);
      this.waits = waits(run);
    }

    // Measure the page, and draw all that does not depend on the moment.
    layout() {
      const {player, run} = this, width = this.element.clientWidth;
      this.width = width;
      this.left = width < 560 ? 30 : 76;
      const lanes = Math.max(run.lanes, 1);
      this.pitch = Math.min(32, Math.max(3, 260 / lanes));
      this.floor = TOP + this.pitch * lanes;
      this.height = this.floor + SPACE + CURVES + AXIS;
      this.scale = Math.min(2, devicePixelRatio || 1);
      for (const canvas of [this.canvas, ...this.layers]) {
        canvas.width = Math.round(width * this.scale);
        canvas.height = Math.round(this.height * this.scale);
      }
      this.canvas.style.height = `${this.height}px`;
      this.x = (at) =>
        this.left + (width - this.left - RIGHT) * (at - player.from) / (player.until - player.from);
      this.text = getComputedStyle(this.element).color;
      this.soft = getComputedStyle(this.caption).color;
      this.drawGround(this.context(this.layers[0]));
      this.drawRun(this.context(this.layers[1]));
    }

    context(canvas) {
      const pen = canvas.getContext("2d");
      pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
      pen.clearRect(0, 0, this.width, this.height);
      pen.font = `12px ${FONT}`;
      return pen;
    }

    drawGround(pen) {
      const {run, player, pitch, left, floor, height} = this;
      const base = height - AXIS, right = this.width - RIGHT;
      const every = Math.ceil(16 / pitch);
      pen.textAlign = "right";
      for (let lane = 0; lane < run.lanes; lane++) {
        const middle = TOP + pitch * (lane + 0.65);
        pen.fillStyle = RAIL;
        pen.fillRect(left, middle - 0.5, right - left, 1);
        pen.fillStyle = this.soft;
        if (lane % every === 0) {
          pen.fillText(left > 40 ? `worker ${lane}` : lane, left - 8, middle + 4);
        }
      }
      pen.fillText(run.tasks, left - 8, base - CURVES + 10);
      pen.fillText("0", left - 8, base);
      const step = niceStep((player.until - player.from) / Math.max(2, (right - left) / 90));
      const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
      pen.textAlign = "center";
      for (let n = Math.ceil(player.from / step); n * step <= player.until * (1 + 1e-9); n++) {
        const x = this.x(n * step);
        pen.fillStyle = GRID;
        pen.fillRect(x, TOP, 1, base - TOP);
        pen.fillStyle = this.soft;
        const words = `${(n * step).toFixed(digits)} s`;
        pen.fillText(words, Math.min(x, this.width - pen.measureText(words).width / 2), base + 15);
      }
      pen.fillStyle = RAIL;
      pen.fillRect(left, base, right - left, 1);
      const worst = this.x(run.worst.moment);
      if (run.worst.behind && worst >= left && worst <= right) {
        pen.fillStyle = ORANGE;
        pen.beginPath();
        pen.moveTo(worst - 5, 4), pen.lineTo(worst + 5, 4), pen.lineTo(worst, 11);
        pen.fill();
        pen.textAlign = worst > this.width / 2 ? "right" : "left";
        pen.fillText(`${run.worst.behind} behind`, worst + (worst > this.width / 2 ? -9 : 9), 11);
      }
    }

    drawRun(pen) {
      pen.save();
      pen.beginPath();
      pen.rect(this.left, 0, this.width - this.left - RIGHT, this.height);
      pen.clip();
      this.run.byLane.forEach((lane, number) => this.drawLane(pen, lane, number));
      this.drawWaits(pen);
      this.drawCurves(pen);
      pen.restore();
    }

    drawLane(pen, {rows, starts, ends, busy}, number) {
      const {player, pitch, run} = this, top = TOP + pitch * (number + 0.35), height = 0.6 * pitch;
      const first = countUntil(ends, player.from), after = countUntil(starts, player.until);
      const startsUp = starts[0] > 0 && !(run.finishes[0] < starts[0]);
      if (startsUp && player.from < starts[0]) {
        const end = this.x(starts[0]);
        pen.fillStyle = STARTUP;
        pen.fillRect(this.x(0), top, end - this.x(0), height);
        pen.fillStyle = ON_STARTUP;
        this.label(pen, this.x(0), end, top, height, ["starts up"]);
      }
      if (after - first > (this.width - this.left) / 2) {
        this.drawBusyShare(pen, {starts, ends, busy}, top, height);
        return;
      }
      for (let place = first; place < after; place++) {
        const row = rows[place], x = this.x(starts[place]), end = this.x(ends[place]);
        const unended = isNaN(run.finish[row]);
        const width = Math.max(end - x - Math.min(1, (end - x) / 4), 0.6);
        pen.fillStyle = unended ? GREY : place % 2 ? NEXT_BLUE : BLUE;
        pen.fillRect(x, top, width, height);
        if (unended) stripe(pen, x, top, width, height);
        const name = `${run.label ? run.label[row] : row}`;
        const notes = unended ? [`${name}: no end`] : run.errors[row] ? [`${name} failed`, `${name} ✕`] : [];
        pen.fillStyle = ON_BLOCK;
        this.label(pen, Math.max(x, this.left), end, top, height, [...notes, name]);
      }
    }

    // Write the first of these texts that fits into a block.
    label(pen, x, end, top, height, texts) {
      if (height < 9 || end - x < 8) return;
      pen.font = `600 ${Math.min(12, height - 1)}px ${FONT}`;
      pen.textAlign = "center";
      const text = texts.find((each) => pen.measureText(each).width + 5 < end - x);
      if (text) pen.fillText(text, (x + end) / 2, top + height / 2 + Math.min(12, height - 1) * 0.36);
    }

    // Where blocks are narrower than a pixel: the stronger the colour, the busier the worker.
    drawBusyShare(pen, {starts, ends, busy}, top, height) {
      const {player} = this, until = this.width - RIGHT;
      const seconds = (player.until - player.from) / (until - this.left);
      const busyUntil = (at) => {
        const place = countUntil(starts, at);
        return place ? busy[place - 1] + Math.min(at, ends[place - 1]) - starts[place - 1] : 0;
      };
      pen.fillStyle = BLUE;
      let before = busyUntil(player.from);
      for (let x = this.left; x < until; x++) {
        const now = busyUntil(player.from + (x + 1 - this.left) * seconds);
        pen.globalAlpha = Math.min(1, Math.max(0, (now - before) / seconds));
        pen.fillRect(x, top, 1, height);
        before = now;
      }
      pen.globalAlpha = 1;
    }

    drawWaits(pen) {
      const {player, run, pitch} = this, gap = pitch / 11;
      const seen = this.waits.filter(({row}) =>
        run.delivered[row] > player.from && run.finish[row] < player.until);
      if (seen.length > MOST_WAITS) return;
      pen.fillStyle = ORANGE;
      for (const {row, level} of seen) {
        const y = TOP + pitch * (run.worker[row] + 0.35) - gap * (level + 1);
        const x = this.x(run.finish[row]), end = this.x(run.delivered[row]);
        const width = Math.max(1, Math.min(2, gap - 0.8));
        pen.fillRect(x, y - width / 2, end - x, width);
        pen.fillRect(end - 1, y - 3, 1.5, 6);
      }
    }

    drawCurves(pen) {
      const {player, run} = this, base = this.height - AXIS;
      const y = (number) => base - (CURVES - 4) * number / Math.max(run.tasks, 1);
      const line = (times) => {
        const first = countUntil(times, player.from), after = countUntil(times, player.until);
        const step = Math.max(1, Math.floor((after - first) / 2000));
        const points = [[this.x(player.from), y(first)]];
        for (let place = first; place < after; place += step) {
          const last = Math.min(place + step, after);
          points.push([this.x(times[last - 1]), points.at(-1)[1]], [this.x(times[last - 1]), y(last)]);
        }
        points.push([this.x(player.until), points.at(-1)[1]]);
        return points;
      };
      const finished = line(run.finishes), delivered = line(run.deliveries);
      const follow = (points) => points.forEach(([x, height]) => pen.lineTo(x, height));
      if (run.deliveries.length) {
        pen.fillStyle = LAG;
        pen.beginPath();
        follow(finished), follow([...delivered].reverse());
        pen.fill();
      }
      const lines = [[finished, BLUE, 3.5], [delivered, ORANGE, 1.75]];
      for (const [points, colour, width] of run.deliveries.length ? lines : lines.slice(0, 1)) {
        pen.strokeStyle = colour;
        pen.lineWidth = width;
        pen.beginPath();
        follow(points);
        pen.stroke();
      }
    }

    // Draw the run as it stood at a moment: what is to come is pale.
    draw(now) {
      const pen = this.context(this.canvas), {run, floor} = this;
      const [ground, drawn] = this.layers, size = [0, 0, this.width, this.height];
      pen.drawImage(ground, ...size);
      pen.globalCompositeOperation = "destination-out"; // so that no line shines through
      pen.drawImage(drawn, ...size);
      pen.globalCompositeOperation = "source-over";
      pen.globalAlpha = 0.22;
      pen.drawImage(drawn, ...size);
      pen.globalAlpha = 1;
      const x = this.x(now);
      pen.save();
      pen.beginPath();
      pen.rect(0, 0, x, this.height);
      pen.clip();
      pen.drawImage(drawn, ...size);
      pen.restore();
      if (x >= this.left - 1 && x <= this.width - RIGHT + 1) {
        pen.fillStyle = this.text;
        pen.fillRect(Math.round(x) - 0.5, TOP - 2, 1, this.height - AXIS - TOP + 6);
      }
      this.drawBars(now);
    }

    drawBars(now) {
      const {run} = this, of = Math.max(run.tasks, 1);
      const numbers = {finished: run.finishedAt(now), delivered: run.deliveredAt(now)};
      for (const [kind, {fill, lag, number}] of Object.entries(this.counts)) {
        fill.style.transform = `scaleX(${numbers[kind] / of})`;
        lag.style.transform = `scaleX(${kind === "delivered" ? numbers.finished / of : 0})`;
        number.textContent = `${numbers[kind]}/${run.tasks}`;
      }
      const drawn = run.drawnAt(now, this.player.mininterval);
      const cells = this.width < 560 ? 16 : 40, full = Math.round(cells * drawn / of);
      const percent = `${Math.round(100 * drawn / of)}%`.padStart(4);
      this.bar.textContent = `${percent}|${"█".repeat(full)}${" ".repeat(cells - full)}| ${drawn}/${run.tasks}`;
    }

    // A click seeks; a drag moves what is visible; Ctrl and the wheel zoom; a pointer asks for words.
    listen() {
      const {canvas, player} = this;
      const moment = (event) => {
        const share = (event.offsetX - this.left) / (this.width - this.left - RIGHT);
        return player.from + share * (player.until - player.from);
      };
      let drag = null;
      canvas.addEventListener("pointerdown", (event) => {
        drag = {x: event.offsetX, from: player.from, moved: false};
        canvas.setPointerCapture(event.pointerId);
      });
      canvas.addEventListener("pointermove", (event) => {
        if (!drag) return this.tell(event, moment(event));
        const pixels = drag.x - event.offsetX;
        drag.moved ||= Math.abs(pixels) > 4;
        if (drag.moved) {
          const seconds = (player.until - player.from) / (this.width - this.left - RIGHT);
          player.show(drag.from + pixels * seconds, player.until - player.from);
        }
      });
      canvas.addEventListener("pointerup", (event) => {
        if (drag && !drag.moved) player.seek(moment(event), true);
        drag = null;
      });
      canvas.addEventListener("pointercancel", () => (drag = null));
      canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
      canvas.addEventListener("wheel", (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        player.zoom(event.deltaY < 0 ? 1.25 : 0.8, moment(event));
      }, {passive: false});
    }

    // Say in words what is under the pointer.
    tell(event, moment) {
      const number = Math.floor((event.offsetY - TOP) / this.pitch), lane = this.run.byLane[number];
      const place = lane ? countUntil(lane.starts, moment) - 1 : -1;
      const found = place >= 0 && moment <= lane.ends[place];
      this.tip.hidden = !found;
      if (!found) return;
      this.tip.textContent = describeTask(this.run, lane.rows[place]);
      const right = event.offsetX > this.width / 2;
      this.tip.style.left = right ? "auto" : `${event.offsetX + 12}px`;
      this.tip.style.right = right ? `${this.width - event.offsetX + 12}px` : "auto";
      this.tip.style.top = `${event.offsetY + 14}px`;
    }
  }

  class Player {
    constructor(element, options) {
      const run = options.run ?? Run.decode(options.timeline);
      Object.assign(this, {element, options, fresh: true, playing: false});
      this.mininterval = options.mininterval ?? 0;
      this.still = matchMedia("(prefers-reduced-motion: reduce)");
      this.views = [new View(this, run, options.name ?? "Measured")];
      if (options.compare) {
        const {name, timeline} = options.compare;
        this.views.push(new View(this, options.compare.run ?? Run.decode(timeline), name));
      }
      this.build();
      this.setClock();
      this.now = before(run.worst) ?? this.end;
      new ResizeObserver(() => this.refresh()).observe(this.stage);
      this.watchTheme();
      this.refresh();
      this.announce();
    }

    build() {
      const {title, description, budget} = this.options;
      this.stage = make("div", {className: "wp-views"}, ...this.views.map(({element}) => element));
      this.status = make("p", {className: "wp-status", role: "status"});
      const whatIf = this.options.whatif ? [new WhatIf(this, this.options.whatif).element] : [];
      this.element.replaceChildren(
        ...(title ? [make("p", {className: "wp-title"}, title)] : []), this.controls(), this.stage, this.status,
        ...whatIf, ...(budget ? [drawBudget(budget)] : []),
        make("details", {className: "wp-words"}, make("summary", {}, "In words"),
          (this.words = make("p", {}, description ?? this.views[0].run.describe()))),
      );
      this.element.classList.add("wp");
    }

    controls() {
      this.button = button("Play", "play", () => this.toggle(), "Play");
      this.slider = make("input", {type: "range", min: 0, max: 1000, step: "any"});
      this.slider.setAttribute("aria-label", "Time");
      this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
      this.slider.addEventListener("change", () => this.announce());
      this.clock = make("span", {className: "wp-clock"});
      this.speed = make("select", {});
      this.speed.addEventListener("change", () => this.announce(`Speed ${this.speed.value}`));
      this.pan = make("input", {type: "range", min: 0, step: "any", hidden: true});
      this.pan.setAttribute("aria-label", "Move what is visible");
      this.pan.addEventListener("input", () => this.show(Number(this.pan.value), this.until - this.from));
      return make("div", {className: "wp-controls", role: "group", ariaLabel: "Player"},
        this.button,
        button("Step back to the previous event", "back", () => this.step(-1)),
        button("Step to the next event", "step", () => this.step(1)),
        (this.worst = button("Worst moment", "", () => this.jumpToWorst(), "Worst moment")),
        this.slider, this.clock,
        make("label", {}, "Speed ", this.speed),
        make("span", {className: "wp-zoom"},
          button("Zoom out", "out", () => this.zoom(0.5)), button("Zoom in", "in", () => this.zoom(2)),
          (this.whole = button("Show the whole run", "", () => this.showAll(), "Whole run"))),
        this.pan);
    }

    // Set what follows from the runs: the end of the clock, its speeds, the events.
    setClock() {
      const whole = this.from === undefined || this.until - this.from >= this.end;
      this.end = Math.max(...this.views.map(({run}) => run.end)) || 1;
      if (whole) [this.from, this.until] = [0, this.end];
      this.digits = Math.min(6, Math.max(2, 2 - Math.floor(Math.log10(this.end))));
      this.slider.max = this.end;
      this.events = null;
      this.worst.disabled = !this.views.some(({run}) => run.worst.behind);
      if (!this.speed.options.length) {
        const speeds = [-3, -2, -1, 0, 1, 2, 3].flatMap((k) => [1, 2, 5].map((n) => n * 10 ** k));
        const best = nearest(speeds, this.end / 8);
        const near = speeds.filter((each) => each === 1 || (each > best / 11 && each < best * 11));
        for (const each of near) {
          this.speed.append(make("option", {value: each, selected: each === best}, `${Number(each.toPrecision(1))}×`));
        }
      }
    }

    setSecond(run, name, note) {
      if (this.views.length > 1) this.views[1].setRun(run, name, note);
      else {
        this.views.push(new View(this, run, name));
        this.views[1].setRun(run, name, note);
        this.stage.append(this.views[1].element);
      }
      this.setClock();
      this.refresh();
    }

    setFirst(run, name) {
      this.views[0].setRun(run, name);
      this.words.textContent = run.describe();
      this.setClock();
      this.now = before(run.worst) ?? this.end;
      this.refresh();
    }

    dropSecond() {
      this.views.splice(1).forEach(({element}) => element.remove());
      this.setClock();
      this.refresh();
    }

    // Draw all again: the page has another size or theme, or something else is visible.
    refresh() {
      if (!this.stage.clientWidth) return;
      this.views.forEach((view) => view.layout());
      const visible = this.until - this.from;
      this.pan.hidden = this.whole.disabled = visible >= this.end;
      this.pan.max = this.end - visible;
      this.pan.value = this.from;
      this.draw();
    }

    draw() {
      this.now = Math.min(Math.max(this.now, 0), this.end);
      this.views.forEach((view) => view.draw(this.now));
      this.slider.value = this.now;
      const [now, end] = [this.now, this.end].map((each) => each.toFixed(this.digits));
      this.slider.setAttribute("aria-valuetext", `${now} of ${end} seconds`);
      this.clock.textContent = `${now} / ${end} s`;
    }

    toggle() {
      if (this.playing) return this.pause();
      if (this.fresh || this.now >= this.end) this.now = 0;
      this.fresh = false;
      this.playing = true;
      this.setButton("Pause", "pause");
      this.announce("Playing");
      let last = performance.now(), drawn = 0;
      const frame = (at) => {
        if (!this.playing) return;
        if (!this.element.isConnected) return this.pause();
        this.now += Math.max(0, at - last) / 1000 * Number(this.speed.value);
        last = at;
        // Readers who prefer reduced motion see a picture every half second.
        if (!this.still.matches || at - drawn > 500 || this.now >= this.end) {
          drawn = at;
          this.follow();
          this.draw();
        }
        if (this.now >= this.end) this.pause();
        else requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    }

    pause() {
      this.playing = false;
      this.setButton("Play", "play");
      this.announce();
    }

    setButton(name, icon) {
      this.button.replaceChildren(picture(icon), name);
      this.button.setAttribute("aria-label", name);
    }

    seek(moment, announce = false) {
      this.fresh = false;
      this.now = Math.min(Math.max(moment, 0), this.end);
      this.follow();
      this.draw();
      if (announce) this.announce();
    }

    step(direction) {
      this.playing &&= (this.pause(), false);
      this.events ??= distinct(this.views.flatMap(({run}) => [run.starts, run.finishes, run.deliveries]));
      const margin = direction * 5e-7; // half a microsecond, which is how exact a record is
      const place = countUntil(this.events, this.now + margin);
      const next = direction > 0 ? place : place - 1;
      const at = this.events[next] ?? (direction > 0 ? this.end : 0);
      this.seek(at);
      this.announce(this.views.map(({run, name}) => {
        const words = happened(run, at);
        return words && this.views.length > 1 ? `${name}: ${words}` : words;
      }).filter(Boolean).join("; "));
    }

    jumpToWorst() {
      this.playing &&= (this.pause(), false);
      const {run} = this.views.find(({run}) => run.worst.behind);
      this.seek(before(run.worst), true);
    }

    // Say where the clock stands: one sentence per run.
    announce(first = "") {
      const states = this.views.map(({run, name}) => {
        const [finished, delivered] = [run.finishedAt(this.now), run.deliveredAt(this.now)];
        const running = countUntil(run.starts, this.now) - finished;
        const words = `${finished} finished, ${delivered} delivered, ${Math.max(running, 0)} running`;
        return this.views.length > 1 ? `${name}: ${words}` : words;
      });
      const words = `${this.now.toFixed(this.digits)} s. ${states.join(". ")}.`;
      this.status.textContent = first ? `${first}. ${words}` : words;
    }

    zoom(factor, around = this.now) {
      const visible = this.until - this.from, seconds = Math.min(this.end, visible / factor);
      const share = Math.min(1, Math.max(0, (around - this.from) / visible));
      this.show(around - share * seconds, Math.max(seconds, this.end / 1e5));
    }

    showAll() {
      this.show(0, this.end);
    }

    show(from, seconds) {
      this.from = Math.min(Math.max(from, 0), this.end - seconds);
      this.until = this.from + seconds;
      this.refresh();
    }

    // Move what is visible, if the clock has left it.
    follow() {
      if (this.now < this.from || this.now > this.until) {
        const seconds = this.until - this.from;
        this.from = Math.min(Math.max(this.now - seconds / 4, 0), this.end - seconds);
        this.until = this.from + seconds;
        this.refresh();
      }
    }

    watchTheme() {
      const again = () => this.refresh();
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
      new MutationObserver(again).observe(document.documentElement, {attributes: true});
    }
  }

  class WhatIf {
    // Asks what other settings would have brought. The costs were measured on this run.
    constructor(player, {workers, chunksize, method, startup, gap, cores, executor, note}) {
      Object.assign(this, {player, startup, gap});
      this.unchunked = executor ? "imap_unordered" : "apply_async"; // this method has no chunks
      const {run} = player.views[0];
      this.run = run;
      this.ended = [...run.start.keys()].filter((row) => run.finish[row] >= run.start[row]);
      this.durations = this.ended.map((row) => run.finish[row] - run.start[row]);
      const most = Math.max(2 * workers, cores ?? 0, 8);
      this.sizes = chunksizes(run.tasks, chunksize);
      this.measured = {workers, size: this.sizes.indexOf(chunksize), method, order: "as it was"};
      const methods = executor ? EXECUTORS : METHODS;
      this.inputs = {
        workers: slider("Workers", 1, most, workers, (n) => `${n}`),
        size: slider("Chunksize", 0, this.sizes.length - 1, this.measured.size, (n) => `${this.sizes[n]}`),
        method: choice("Results", methods, method),
        order: choice("Order of tasks", ORDERS, "as it was"),
      };
      this.answer = make("p", {className: "wp-answer", role: "status"},
        "Change a setting: the predicted run appears below the measured one.");
      this.reset = button("Reset to the settings that ran", "", () => this.back(), "Reset");
      const left = run.tasks - this.ended.length;
      const limits = [
        `Predicted from this run's own durations, its start-up, and ${gap ? `${(1000 * gap).toPrecision(2)} ms` : "no time"} between two chunks.`,
        cores ? `The model does not slow tasks down where workers outnumber cores; this machine has ${cores}.` : "",
        left ? `${count(left, "task")} without an end ${left === 1 ? "is" : "are"} left out.` : "",
        note ?? "",
      ];
      this.element = make("fieldset", {className: "wp-whatif"}, make("legend", {}, "What if?"),
        ...Object.values(this.inputs).map(({label}) => label), this.reset, this.answer,
        make("p", {className: "wp-note"}, limits.filter(Boolean).join(" ")));
      for (const {input} of Object.values(this.inputs)) input.addEventListener("input", () => this.ask());
      if (!this.ended.length) {
        this.answer.textContent = "No task ended, so nothing can be predicted.";
        for (const {input} of Object.values(this.inputs)) input.disabled = true;
      }
      this.inputs.size.input.disabled ||= method === this.unchunked;
      this.reset.disabled = true;
    }

    // Return the predicted run for these settings.
    predict({workers, size, method, order}) {
      const places = [...this.durations.keys()];
      const sign = order === "longest first" ? -1 : 1;
      if (order !== "as it was") {
        places.sort((one, other) => sign * (this.durations[one] - this.durations[other]) || one - other);
      }
      const startup = Array.from({length: workers}, (_, n) => this.startup[Math.min(n, this.startup.length - 1)] ?? 0);
      const durations = places.map((place) => this.durations[place]);
      const chunksize = method === this.unchunked ? 1 : this.sizes[size];
      const columns = predict({durations, workers, chunksize, method, startup, gap: this.gap});
      return new Run(columns, {label: places.map((place) => this.ended[place])});
    }

    ask() {
      const {workers, size, method, order} = this.inputs;
      size.input.disabled = method.input.value === this.unchunked;
      for (const each of [workers, size]) each.show();
      const wanted = {workers: Number(workers.input.value), size: Number(size.input.value),
        method: method.input.value, order: order.input.value};
      const run = this.predict(wanted);
      const gain = this.run.end - run.end, digits = this.player.digits;
      const words = Math.abs(gain) < 0.5 * 10 ** -digits ? "the same time as measured"
        : `${Math.abs(gain).toFixed(digits)} s ${gain > 0 ? "less" : "more"} than measured`;
      const waits = (each) => (each.worst.behind ? `${each.worst.behind} finished tasks wait` : "no task waits");
      const same = Object.keys(wanted).every((key) => wanted[key] === this.measured[key]);
      this.answer.replaceChildren(make("b", {}, `Predicted: ${run.end.toFixed(digits)} s, ${words}.`),
        ` At worst ${waits(run)}; measured: ${waits(this.run)}.` +
        (same ? " These are the settings that ran: the difference is the error of the model." : ""));
      this.reset.disabled = false;
      this.player.setSecond(run, "Predicted", run.describe());
    }

    back() {
      const {workers, size, method, order} = this.measured;
      for (const [name, value] of Object.entries({workers, size, method, order})) {
        this.inputs[name].input.value = value;
        this.inputs[name].show?.();
      }
      this.inputs.size.input.disabled = method === this.unchunked;
      this.player.dropSecond();
      this.answer.textContent = "Reset: only the measured run is shown.";
      this.reset.disabled = true;
    }
  }

  // Return the budget as stacked bars, one per worker, above a table of its parts.
  function drawBudget({parts, workers}) {
    const sums = parts.map((_, part) => workers.reduce((sum, each) => sum + each[part], 0));
    const total = sums.reduce((one, other) => one + other, 0) || 1;
    const most = Math.max(...workers.map((each) => each.reduce((one, other) => one + other, 0))) || 1;
    const swatch = (part) => {
      const each = make("i", {className: "wp-swatch"});
      each.style.background = PARTS[parts[part]] ?? GREY;
      return each;
    };
    const bars = workers.length <= 32 ? workers : [];
    const rows = bars.map((each, worker) => make("div", {className: "wp-stack"},
      make("span", {}, `worker ${worker}`), make("div", {}, ...each.map((seconds, part) => {
        const block = swatch(part);
        block.style.width = `${100 * seconds / most}%`;
        return block;
      }))));
    const shown = [...parts.keys()].filter((part) => sums[part] > 0);
    return make("section", {className: "wp-budget"}, make("p", {className: "wp-head"}, "Where the workers' time went"),
      make("div", {role: "img", ariaLabel: "One bar per worker; the table below has the sums"}, ...rows),
      make("table", {}, make("tbody", {}, ...shown.map((part) => make("tr", {},
        make("th", {scope: "row"}, swatch(part), parts[part]),
        make("td", {}, `${sums[part].toFixed(2)} s`),
        make("td", {}, `${Math.round(100 * sums[part] / total)}%`))))));
  }

  function describeTask(run, row) {
    const {start, finish, delivered} = run, digits = Math.max(2, 2 - Math.floor(Math.log10(run.end || 1)));
    const seconds = (at) => at.toFixed(Math.min(6, digits));
    let words = `${run.name(row)}: from ${seconds(start[row])} `;
    words += isNaN(finish[row]) ? "s on, without an end" : `to ${seconds(finish[row])} s`;
    if (delivered[row] > finish[row] + run.threshold) {
      words += `, delivered at ${seconds(delivered[row])} s, ${seconds(delivered[row] - finish[row])} s later`;
    }
    return run.errors[row] ? `${words}. ${run.errors[row]}` : words;
  }

  // Say which tasks started, finished or were delivered at a moment: up to three of each.
  function happened(run, at) {
    const parts = [];
    for (const [verb, times] of [["finished", run.finish], ["delivered", run.delivered], ["started", run.start]]) {
      const rows = [];
      times.forEach((time, row) => Math.abs(time - at) < 5e-7 && rows.push(row));
      const more = rows.length > 3 ? ` and ${rows.length - 3} more` : "";
      const error = (row) => (verb === "finished" && run.errors[row] ? ` (${run.errors[row]})` : "");
      const names = rows.slice(0, 3).map((row) => run.name(row) + error(row)).join(", ");
      if (rows.length) parts.push(`${names}${more} ${verb}`);
    }
    return parts.join("; ");
  }

  // Return the tasks that wait long enough to be drawn, and the level of each one's line.
  function waits(run) {
    const late = [...run.start.keys()].filter((row) => run.delivered[row] - run.finish[row] > run.threshold);
    late.sort((one, other) => run.finish[one] - run.finish[other]);
    const ends = new Map();
    return late.map((row) => {
      const mine = ends.get(run.worker[row]) ?? [-Infinity, -Infinity, -Infinity, -Infinity];
      ends.set(run.worker[row], mine);
      const level = Math.max(0, mine.findIndex((end) => end < run.finish[row]));
      mine[level] = Math.max(mine[level], run.delivered[row]);
      return {row, level};
    });
  }

  function stripe(pen, x, top, width, height) {
    pen.save();
    pen.beginPath();
    pen.rect(x, top, width, height);
    pen.clip();
    pen.strokeStyle = STRIPES;
    pen.lineWidth = 1.5;
    pen.beginPath();
    const end = Math.min(x + width, 4000);
    for (let at = Math.max(x, 0) - height; at < end; at += 8) {
      pen.moveTo(at, top + height), pen.lineTo(at + height, top);
    }
    pen.stroke();
    pen.restore();
  }

  // Return the moment just before the bar moved again; null if nothing waited.
  function before({moment, behind}) {
    return behind ? moment - 9e-7 : null; // more than the margin of a step
  }

  function distinct(lists) {
    const all = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0));
    let place = 0;
    for (const list of lists) all.set(list, place), place += list.length;
    all.sort();
    return all.filter((at, number) => !number || at - all[number - 1] > 5e-7);
  }

  function niceStep(least) {
    const power = 10 ** Math.floor(Math.log10(least));
    return power * ([1, 2, 5].find((n) => n * power >= least) ?? 10);
  }

  function nearest(numbers, wanted) {
    const off = (each) => Math.abs(Math.log(each / wanted));
    return numbers.reduce((best, each) => (off(each) < off(best) ? each : best));
  }

  function chunksizes(tasks, used) {
    const round = [1, 2, 3, 4, 5, 8].flatMap((n) => [1, 10, 100, 1000, 10000].map((k) => n * k));
    const sizes = new Set([...round.filter((n) => n <= Math.max(1, tasks)), used]);
    return [...sizes].sort((one, other) => one - other);
  }

  function make(tag, properties, ...children) {
    const {role, ariaLabel, ...rest} = properties, element = document.createElement(tag);
    Object.assign(element, rest);
    if (role) element.setAttribute("role", role);
    if (ariaLabel) element.setAttribute("aria-label", ariaLabel);
    element.append(...children);
    return element;
  }

  function picture(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  function button(name, icon, press, text = "") {
    const element = make("button", {type: "button", ariaLabel: name, title: text ? "" : name},
      ...(icon ? [picture(icon)] : []), text);
    element.addEventListener("click", press);
    return element;
  }

  function slider(name, min, max, value, words, step = 1) {
    const input = make("input", {type: "range", min, max, step, value});
    const output = make("b", {});
    const show = () => {
      output.textContent = words(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.setAttribute("aria-label", name);
    show();
    return {input, show, label: make("label", {}, make("span", {}, `${name} `, output), input)};
  }

  function choice(name, options, value) {
    const input = make("select", {}, ...options.map(([each, words]) =>
      make("option", {value: each, selected: each === value}, words)));
    return {input, label: make("label", {}, make("span", {}, name), input)};
  }

  // Fill an element with a player; what is no run is named in it.
  function mountPlayer(element, options) {
    try {
      const run = options.run ?? Run.decode(options.timeline);
      if (!run.tasks) throw new TypeError("No task was submitted, so there is nothing to play.");
      if (!run.starts.length) throw new TypeError("No task has started, so there is nothing to play.");
      return new Player(element, {...options, run});
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      element.prepend(make("p", {className: "wp-problem", role: "alert"}, error.message));
      return null;
    }
  }

  function mountAll() {
    for (const element of document.querySelectorAll("[data-watchedpool]:not(.wp)")) {
      const data = element.querySelector('script[type="application/json"]');
      let options = {};
      try {
        options = JSON.parse(data?.textContent ?? "{}") ?? {};
      } catch {
        // What is no JSON is no run, which mountPlayer says.
      }
      mountPlayer(element, options);
    }
  }

  Object.assign(globalThis.watchedpool, {Player, mountPlayer, make, slider, choice});
  globalThis.mountPlayer = mountPlayer;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
  else mountAll();
})();
