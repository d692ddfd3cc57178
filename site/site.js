// The one script of the site: theme, search, sections, guesses, panels, copying. It loads nothing
// from the network, and works from a disk.
const root = document.documentElement;
const remembered = { // a browser may forbid it, in a private window for one
  get theme() { try { return localStorage.theme; } catch { return undefined; } },
  set theme(name) { try { localStorage.theme = name; } catch { /* then it holds for this page */ } },
};
if (remembered.theme) root.dataset.theme = remembered.theme; // before the page is drawn

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function addThemeSwitch(tools) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const button = make("button", {type: "button", className: "theme"});
  const show = () => { button.ariaLabel = isDark() ? "Light theme" : "Dark theme"; };
  button.textContent = "◐";
  button.onclick = () => {
    remembered.theme = root.dataset.theme = isDark() ? "light" : "dark";
    show();
  };
  system.onchange = show;
  show();
  tools.append(button);
}

// A section matches if it contains every word; one whose title contains them comes first.
function find(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const score = ([, , title, text]) => {
    const [high, low] = [title.toLowerCase(), text.toLowerCase()];
    if (!words.every(word => high.includes(word) || low.includes(word))) return 0;
    const phrase = high.includes(query.toLowerCase()) + low.includes(query.toLowerCase());
    return 1 + 4 * phrase + 2 * words.filter(word => high.includes(word)).length;
  };
  return SECTIONS.map(section => [score(section), section]).filter(([points]) => points)
    .sort(([one], [other]) => other - one).slice(0, 20).map(([, section]) => section);
}

function excerpt(text, query) {
  const word = query.toLowerCase().split(/\s+/).find(Boolean);
  const whole = text.toLowerCase().indexOf(query.toLowerCase());
  const found = whole < 0 ? word : query;
  const at = text.toLowerCase().indexOf(found.toLowerCase());
  if (at < 0) return [text.slice(0, 140)];
  const begin = Math.max(0, at - 50), end = at + found.length;
  return [(begin ? "…" : "") + text.slice(begin, at), make("mark", {}, text.slice(at, end)),
    text.slice(end, end + 90) + "…"];
}

function addSearch(tools) {
  const field = make("input", {type: "search", placeholder: "Search", ariaLabel: "Search all lessons"});
  const list = make("ol"), state = make("div", {className: "unseen", role: "status"});
  const box = make("search", {}, field, list, state);
  const load = () => document.querySelector("#index") ??
    document.head.append(make("script", {id: "index", src: "search.js", onload: show}));
  function show() {
    const query = field.value.trim(), found = window.SECTIONS ? find(query) : [];
    list.replaceChildren(...found.map(([page, anchor, title, text]) => make("li", {},
      make("a", {href: `${page}.html${anchor && "#" + anchor}`},
        make("strong", {}, `${page.slice(0, 2)} · ${title}`), ...excerpt(text, query)))));
    if (query && window.SECTIONS) {
      state.textContent = found.length ? `${found.length} sections found` : "Nothing found";
      if (!found.length) list.append(make("li", {}, make("p", {}, `Nothing found for “${query}”.`)));
    }
  }
  const close = () => { list.replaceChildren(); state.textContent = ""; };
  field.onfocus = load;
  field.oninput = show;
  box.onkeydown = event => {
    const stops = [field, ...list.querySelectorAll("a")];
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) stops[stops.indexOf(document.activeElement) + step]?.focus();
    else if (event.key === "Enter" && document.activeElement === field) stops[1]?.click();
    else if (event.key === "Escape") { close(); field.focus(); }
    else return;
    event.preventDefault();
  };
  box.onclick = event => { if (event.target.closest("a")) close(); };
  box.addEventListener("focusout", event => { if (!box.contains(event.relatedTarget)) close(); });
  document.addEventListener("keydown", event => {
    if (event.key !== "/" || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    field.focus();
  });
  tools.append(box);
}

function answer(form) {
  const verdict = form.querySelector("output"), measured = form.dataset.measured;
  const later = document.querySelector(`[data-answers="${form.id}"]`);
  const before = later?.textContent;
  form.onchange = ({target: {value, dataset: {idea}}}) => {
    const words = value === measured ? "Your guess was right." : `Your guess was: ${value}.`;
    verdict.textContent = [`Measured: ${measured}. ${words}`, value === measured ? "" : idea].join(" ");
    if (later) later.textContent = before.replace("(You made no guess.)", words);
  };
}

function addCopyButton(block) {
  const button = make("button", {type: "button", textContent: "Copy", ariaLabel: "Copy this code"});
  button.onclick = async () => {
    await navigator.clipboard.writeText(block.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  block.append(button);
}

// The section that is read is marked at the right.
function followSections() {
  const links = [...document.querySelectorAll("#sections a")];
  const titles = links.map(link => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    const passed = titles.filter(title => title.getBoundingClientRect().top < 140).length;
    links.forEach((link, i) => link.toggleAttribute("aria-current", i === passed - 1));
    links[passed - 1]?.setAttribute("aria-current", "location");
  };
  addEventListener("scroll", mark, {passive: true});
  mark();
}

document.addEventListener("DOMContentLoaded", () => {
  const tools = document.querySelector(".tools");
  addSearch(tools);
  addThemeSwitch(tools);
  document.querySelectorAll(".guess").forEach(answer);
  document.querySelectorAll(".cell > .highlight, main > .highlight").forEach(addCopyButton);
  followSections();
  // What scrolls must scroll by keyboard too.
  for (const part of document.querySelectorAll("pre, .wide"))
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  for (const link of document.querySelectorAll(".side a"))
    link.addEventListener("click", () => link.closest(".side").hidePopover?.());
});
