// The playground: the player without a run. Patterns of naps and the recipes of lesson 05, predicted.
"use strict";
(() => {
  const {Player, Run, choice, make, predict, slider} = globalThis.watchedpool;
  // As helpers/nap_patterns.py, in shares of the longest nap.
  const PATTERNS = {
    "countdown": (tasks) => range(tasks).map((i) => (tasks - i) / tasks),
    "count-up": (tasks) => range(tasks).map((i) => (i + 1) / tasks),
    "equal": (tasks) => range(tasks).map(() => 0.5),
    "random": (tasks) => range(tasks).map((i) => 0.1 + 0.9 * ((i * 0.6180339887) % 1)),
    "one straggler": (tasks) => range(tasks).map((i) => (i === Math.floor(tasks / 2) ? 1 : 0.1)),
  };
  // As helpers/bar_recipes.py. `early`: the bar counts tasks that go in.
  const RECIPES = {
    "map": {method: "map"},
    "map, bar around the tasks": {method: "map", early: true},
    "imap": {method: "imap"},
    "imap, chunks of 2": {method: "imap", chunksize: 2},
    "imap_unordered": {method: "imap_unordered"},
    "imap_unordered, chunks of 2": {method: "imap_unordered", chunksize: 2},
    "apply_async, callback": {method: "apply_async"},
    "Executor.map": {method: "imap"},
    "as_completed": {method: "imap_unordered"},
  };
  const NONE = "nothing", INTERVAL = 0.1; // seconds: tqdm's mininterval

  function range(length) {
    return Array.from({length}, (_, place) => place);
  }

  // Return the run of a recipe.
  function runOf(recipe, {pattern, tasks, workers, longest, chunksize}) {
    const {method, early, ...fixed} = RECIPES[recipe];
    const durations = PATTERNS[pattern](tasks).map((share) => share * longest);
    const run = predict({durations, workers, method, chunksize: fixed.chunksize ?? chunksize ?? 1});
    if (early) run.delivered.fill(0);
    return new Run(run);
  }

  // Fill an element with controls and a player. The settings are the first values of the controls:
  // pattern, tasks, workers, longest, recipe, compare, and chunksize for imap and imap_unordered.
  function mountPlayground(element, settings = {}) {
    const first = {pattern: "countdown", tasks: 10, workers: 5, longest: 2, recipe: "imap",
      compare: NONE, ...settings};
    const names = (table) => Object.keys(table).map((name) => [name, name]);
    const inputs = {
      recipe: choice("Recipe", names(RECIPES), first.recipe),
      compare: choice("Compare with", names({[NONE]: 0, ...RECIPES}), first.compare),
      pattern: choice("Naps", names(PATTERNS), first.pattern),
      tasks: slider("Tasks", 1, Math.max(50, first.tasks), first.tasks, String),
      workers: slider("Workers", 1, 8, first.workers, String),
      longest: slider("Longest nap", 0.1, 3, first.longest, (seconds) => `${seconds.toFixed(1)} s`, 0.1),
    };
    const interval = make("input", {type: "checkbox"});
    const check = make("label", {className: "wp-check"}, interval,
      `The bar is drawn at most every ${INTERVAL} s, as tqdm does`);
    const form = make("fieldset", {className: "wp-whatif wp-settings"},
      make("legend", {}, "Naps in a pool"), ...Object.values(inputs).map(({label}) => label), check);
    const stage = make("div", {});
    const read = () => {
      const values = {chunksize: first.chunksize};
      for (const [name, {input}] of Object.entries(inputs)) {
        values[name] = input.type === "range" ? Number(input.value) : input.value;
      }
      return values;
    };
    const values = read();
    const player = new Player(stage, {run: runOf(values.recipe, values), name: values.recipe});
    const update = () => {
      for (const {show} of Object.values(inputs)) show?.();
      const values = read();
      player.mininterval = interval.checked ? INTERVAL : 0;
      player.setFirst(runOf(values.recipe, values), values.recipe);
      if (values.compare === NONE) player.dropSecond();
      else player.setSecond(runOf(values.compare, values), values.compare);
      player.announce();
    };
    form.addEventListener("input", update);
    element.replaceChildren(form, stage);
    element.classList.add("wp");
    update();
    return player;
  }

  function mountAll() {
    for (const element of document.querySelectorAll("[data-watchedpool-playground]:not(.wp)")) {
      mountPlayground(element, JSON.parse(element.dataset.watchedpoolPlayground || "{}"));
    }
  }

  Object.assign(globalThis.watchedpool, {mountPlayground});
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
  else mountAll();
})();
