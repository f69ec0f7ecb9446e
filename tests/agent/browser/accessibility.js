// What is wrong with the page as it stands, as a list of sentences (WCAG 2.2, A and AA).
() => {
  const wrong = [];
  const say = (rule, node) => wrong.push(`${rule}: ${node.outerHTML.slice(0, 120)}`);
  const all = (query) => [...document.querySelectorAll(query)];
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  const text = (node) => (node?.textContent ?? "").replace(/\s+/g, " ").trim();
  const named = (node) =>
    node.getAttribute("aria-label") ||
    (node.getAttribute("aria-labelledby") ?? "")
      .split(" ")
      .map((id) => text(document.getElementById(id)))
      .join(" ")
      .trim();

  // 1.3.1, 2.4.1, 2.4.2, 2.4.6, 3.1.1: structure
  if (!document.documentElement.lang) wrong.push("the page has no language");
  if (!document.title.trim()) wrong.push("the page has no title");
  if (all("main").length !== 1) wrong.push("there is not one main part");
  if (all("h1").length !== 1) wrong.push("there is not one heading of level 1");
  let level = 0;
  for (const node of all("h1, h2, h3, h4").filter(shown)) {
    const next = Number(node.tagName[1]);
    if (next > level + 1) say("a heading skips a level", node);
    if (!text(node)) say("a heading is empty", node);
    level = next;
  }
  const ids = all("[id]").map((node) => node.id);
  for (const id of ids.filter((one, at) => ids.indexOf(one) !== at)) {
    wrong.push(`the id ${id} is there twice`);
  }
  for (const node of all("[aria-describedby]")) {
    if (!document.getElementById(node.getAttribute("aria-describedby"))) {
      say("what describes it is not there", node);
    }
  }
  for (const node of all("table")) {
    const heads = node.querySelectorAll("th[scope=col]").length;
    for (const row of node.querySelectorAll("tbody tr")) {
      if (row.cells.length !== heads) say("cells without column", row);
    }
  }

  // 1.1.1, 2.4.4, 3.3.2, 4.1.2: names
  for (const node of all("input:not([type=hidden]), select, textarea")) {
    const label = [...(node.labels ?? [])].map((one) => text(one)).join(" ");
    if (!named(node) && !label) say("a field has no label", node);
  }
  for (const node of all("a[href], button, summary")) {
    if (!named(node) && !text(node)) say("a control has no name", node);
    const visible = text(node);
    const name = named(node);
    if (name && !name.startsWith(visible)) say("a name hides what is seen", node);
  }
  for (const node of all("svg, img")) {
    const hidden = node.closest("[aria-hidden=true]");
    const picture = node.closest("[role=img]");
    if (!hidden && !(picture && named(picture)) && !node.alt) say("no alternative", node);
  }
  for (const node of all("nav, form[role=search]")) {
    if (!named(node)) say("a landmark has no name", node);
  }

  // 1.4.3, 1.4.11: contrast
  const rgb = (value) => value.match(/[\d.]+/g).map(Number);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] > 0) say("a ground that shines through cannot be judged", at);
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !shown(node)) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = ratio(rgb(style.color), ground(node));
    if (found < (large ? 3 : 4.5)) say(`contrast of text ${found.toFixed(2)}`, node);
  }
  for (const node of all("input:not([type=hidden]), select, textarea").filter(shown)) {
    const edge = rgb(getComputedStyle(node).borderTopColor);
    const found = ratio(edge, ground(node.parentElement));
    if (node.type !== "checkbox" && found < 3) say(`contrast of edge ${found}`, node);
  }

  // 1.4.10, 2.4.3, 2.4.7, 2.5.8: size and order
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push("the page scrolls sideways");
  for (const node of all("[tabindex]")) {
    if (node.tabIndex > 0) say("an order of its own", node);
  }
  for (const node of all("button, .button, nav a, select, input").filter(shown)) {
    const box = node.getBoundingClientRect();
    const target = node.type === "checkbox" ? node.closest("label") : node;
    const area = target?.getBoundingClientRect() ?? box;
    if (node.type !== "hidden" && (area.height < 24 || area.width < 24)) {
      say("too small to touch", node);
    }
  }
  for (const node of all(".table")) {
    if (node.scrollWidth > node.clientWidth + 1 && node.tabIndex < 0) {
      say("a table scrolls that the keyboard cannot reach", node);
    }
  }
  return wrong;
}
