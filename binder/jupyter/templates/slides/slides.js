// Deal the cells of each section to slides that fit the screen, then start reveal.js.
const WIDTH = 1300, HEIGHT = 730, THIN = 120; // a heading and one line are thin
const ruler = document.createElement("div");

// Paragraphs, code and outputs, each of which stays in one piece.
function pieces(slides) {
  const parts = slides.querySelectorAll(
    ".jp-MarkdownOutput > *, .jp-CodeCell .jp-InputArea, .jp-OutputArea-child");
  return [...parts].map(part => {
    const prose = part.closest(".jp-MarkdownOutput");
    if (!prose) return part;
    const piece = prose.cloneNode();
    piece.append(part);
    return piece;
  });
}

// A title begins a section.
function sectionsOf(pieces) {
  const sections = [];
  for (const piece of pieces) {
    if (!sections.length || piece.querySelector(":scope > :is(h1, h2)")) sections.push([]);
    sections.at(-1).push(piece);
  }
  return sections;
}

function height(page) {
  ruler.replaceChildren(...page);
  return ruler.offsetHeight;
}

// A heading and code stay with what follows them.
function leads(piece) {
  return piece.matches(".jp-InputArea") || piece.firstElementChild?.matches("h1, h2, h3, h4");
}

// A section of one line begins the next section.
function withoutThinSections(sections) {
  return sections.reduceRight((later, section) => {
    if (later.length && height(section) < THIN) later[0].unshift(...section);
    else later.unshift(section);
    return later;
  }, []);
}

function deal(section) {
  const pages = [[]];
  for (const piece of section) {
    const page = pages.at(-1), next = [piece];
    if (page.length && height([...page, piece]) > HEIGHT) {
      while (page.length > 1 && leads(page.at(-1)) && height([page.at(-1), ...next]) <= HEIGHT)
        next.unshift(page.pop());
      pages.push(next);
    } else page.push(piece);
  }
  for (let i = pages.length - 1; i > 0; i--) {
    const [before, page] = [pages[i - 1], pages[i]];
    while (before.length > 1 && height(page) < THIN && height([before.at(-1), ...page]) <= HEIGHT)
      page.unshift(before.pop());
    if (height(page) < THIN || height(before) < THIN)
      pages.splice(i - 1, 2, [...before, ...page]);
  }
  return pages;
}

function slide(page) {
  const [section, box] = [document.createElement("section"), document.createElement("div")];
  box.className = "page";
  const full = height(page); // zoomed text wraps a little differently: leave some room
  box.style.zoom = full <= HEIGHT ? 1 : (HEIGHT - 8) / full;
  box.append(...page);
  section.append(box);
  return section;
}

window.addEventListener("load", async () => {
  await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
  const slides = document.querySelector(".slides");
  ruler.className = "page";
  document.querySelector(".reveal").append(ruler);
  const stacks = withoutThinSections(sectionsOf(pieces(slides))).map(section => {
    const stack = document.createElement("section");
    stack.append(...deal(section).map(slide));
    return stack;
  });
  slides.replaceChildren(...stacks);
  ruler.remove();
  const notes = document.querySelector("aside.notes"); // the key S shows them in another window
  if (notes) slides.querySelector("section section").append(notes);
  Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0.02, center: false, hash: true, transition: "none",
    plugins: window.RevealNotes ? [RevealNotes] : [],
  });
});
