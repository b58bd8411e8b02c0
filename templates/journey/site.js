// Relative times, what is new since the last visit, and search. Every page can be read without it.
"use strict";
(() => {
  const root = new URL("../", document.currentScript.src);
  const byId = (id) => document.getElementById(id);
  const place = root.pathname;

  // A store that may be forbidden, full or spoilt.
  const kept = (store, name, value) => {
    try {
      if (value === undefined) return window[store].getItem(name + place);
      window[store].setItem(name + place, value);
    } catch { /* then nothing is remembered */ }
    return null;
  };

  const STEPS = [[60, "s"], [60, "min"], [48, "h"], [60, "days"]];
  const ago = (at, now) => {
    let rest = Math.max(0, Math.round((now - at) / 1000));
    if (rest < 45) return "just now";
    for (const [size, unit] of STEPS) {
      if (rest < size * 2 || unit === "days") return `${rest} ${unit} ago`;
      const next = unit === "s" ? 60 : unit === "min" ? 60 : 24;
      rest = Math.round(rest / next);
    }
    return "";
  };
  const shown = () => {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[datetime]")) {
      const at = Date.parse(time.dateTime);
      if (!time.title) time.title = `${time.textContent} UTC`;
      // After two months a date says more, and a time ahead of this clock is nobody's "ago".
      if (now - at < 60 * 864e5 && now > at - 6e4) time.textContent = ago(at, now);
    }
  };

  // Scripts with the iterations, loaded one by one.
  const chunks = new Map();
  window.journeyData = (number, rows) => chunks.set(number, rows);
  const load = (number) => new Promise((done) => {
    if (chunks.has(number)) return done(chunks.get(number));
    const script = document.createElement("script");
    script.src = new URL(`iterations/data-${number}.js`, root);
    script.onload = script.onerror = () => done(chunks.get(number) || []);
    document.head.append(script);
  });
  const page = (row) => `iterations/${row[6] || `epoch-${row[0]}-iter-${String(row[1]).padStart(4, "0")}`}.html`;

  // The time of the newest thing at the last visit; the same for as long as this visit lasts.
  const seen = () => {
    const during = kept("sessionStorage", "journey-seen:");
    if (during !== null) return Number(during);
    const before = kept("localStorage", "journey-newest:");
    const value = before === null ? NaN : Number(before);
    if (before !== null) kept("sessionStorage", "journey-seen:", String(value));
    return value;
  };
  const mark = (since) => {
    for (const row of document.querySelectorAll(".rows > li")) {
      const time = row.querySelector("time[datetime]");
      const link = row.querySelector("a.what, .kind, .score");
      if (!time || !link || !(Date.parse(time.dateTime) > since)) continue;
      row.classList.add("new");
      const word = document.createElement("span");
      word.className = "flag";
      word.textContent = "new";
      link.before(word);
    }
  };
  const news = async (line, since) => {
    const count = { all: 0, accepted: 0 };
    let more = false;
    for (let number = Number(line.dataset.chunks); number > 0; number -= 1) {
      const rows = await load(number);
      const fresh = rows.filter((row) => row[3] > since && row[2] !== "in-progress");
      count.all += fresh.length;
      count.accepted += fresh.filter((row) => row[2] === "accepted").length;
      more = fresh.length === rows.length && number > 1;
      if (fresh.length === 0 || count.all >= 5000) break;
    }
    if (count.all === 0) return;
    const many = count.all === 1 ? "iteration has" : "iterations have";
    line.textContent = `Since your last visit, ${more && count.all >= 5000 ? "more than " : ""}${count.all} ${many} ended, ${count.accepted} of them accepted.`;
  };
  const visit = () => {
    const since = seen();
    if (!Number.isNaN(since)) mark(since);
    const line = byId("news");
    const newest = line && Date.parse(line.dataset.asOf || "");
    if (!line || Number.isNaN(newest)) return;
    kept("localStorage", "journey-newest:", String(newest));
    if (Number.isNaN(since)) kept("sessionStorage", "journey-seen:", String(newest));
    else if (newest > since) news(line, since);
  };

  // Search.
  const LIMIT = 200;
  const made = (name, cls, text) => {
    const element = document.createElement(name);
    if (cls) element.className = cls;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const badge = (outcome) => {
    const badge = made("span", `badge ${outcome}`);
    const icon = document.createElementNS(SVG, "svg");
    icon.setAttribute("class", `icon ${outcome}`);
    icon.setAttribute("aria-hidden", "true");
    icon.append(document.createElementNS(SVG, "use"));
    icon.firstChild.setAttribute("href", `#o-${outcome}`);
    badge.append(icon, outcome.replace("-", " "));
    return badge;
  };
  const item = (row) => {
    const line = made("li");
    const what = made("a", "what");
    what.href = new URL(page(row), root);
    what.append(made("span", "id", `${row[0]}/${row[1]}`), " ", made("bdi", "", row[4] || "no name"));
    const where = made("span", "where");
    where.append(made("bdi", "", row[5]));
    const when = made("span", "when", row[3] === null ? "time not known" : "");
    if (row[3] !== null) {
      const time = made("time", "", new Date(row[3]).toISOString().slice(0, 16).replace("T", " "));
      time.dateTime = new Date(row[3]).toISOString();
      when.append(time);
    }
    line.append(what, badge(row[2]), where, when);
    return line;
  };
  const FIELDS = ["words", "outcome", "module", "epoch"];
  const options = (id, values) => {
    const select = byId(id);
    for (const value of values) {
      const option = made("option", "", value);
      option.value = value;
      select.append(option);
    }
  };
  const search = async (box) => {
    const total = Number(box.dataset.chunks);
    const list = byId("rows");
    const before = [...list.childNodes];
    const quiet = document.querySelectorAll(".pages, .ways");
    const found = byId("found");
    let all = null;
    const everything = async () => {
      if (all) return all;
      const parts = [];
      for (let number = total; number > 0; number -= 1) parts.push((await load(number)).slice().reverse());
      all = parts.flat().map((row) => [row, `${row[0]}/${row[1]} ${row[4]} ${row[5]}`.toLowerCase()]);
      return all;
    };
    const asked = () => Object.fromEntries(FIELDS.map((id) => [id, byId(id).value.trim()]));
    const answer = async () => {
      const { words, outcome, module, epoch } = asked();
      const idle = !words && !outcome && !module && !epoch;
      for (const part of quiet) part.hidden = !idle;
      const state = new URLSearchParams(Object.entries(asked()).filter(([, value]) => value));
      history.replaceState(null, "", idle ? location.pathname : `#${state}`);
      if (idle) {
        list.replaceChildren(...before);
        found.textContent = "";
        return;
      }
      const needles = words.toLowerCase().split(/\s+/).filter(Boolean);
      const fits = ([row, text]) => (!outcome || row[2] === outcome) && (!module || row[5] === module)
        && (!epoch || String(row[0]) === epoch) && needles.every((needle) => text.includes(needle));
      const hits = (await everything()).filter(fits);
      const rows = made("ul", "rows iterations found");
      rows.append(...hits.slice(0, LIMIT).map(([row]) => item(row)));
      list.replaceChildren(hits.length ? rows : made("p", "none", "Nothing fits."));
      const rest = hits.length > LIMIT ? `; the newest ${LIMIT} are shown` : "";
      found.textContent = `${hits.length} of ${all.length} iterations${rest}`;
      shown();
    };
    box.hidden = false;
    let ready = false;
    const fill = async () => {
      if (ready) return;
      ready = true;
      const rows = (await everything()).map(([row]) => row);
      options("module", [...new Set(rows.map((row) => row[5]).filter(Boolean))].sort().slice(0, 2000));
      options("epoch", [...new Set(rows.map((row) => String(row[0])))].slice(0, 2000));
    };
    let wait = 0;
    for (const id of FIELDS) {
      byId(id).addEventListener("focus", fill, { once: true });
      byId(id).addEventListener("input", () => {
        clearTimeout(wait);
        wait = setTimeout(answer, id === "words" ? 120 : 0);
      });
    }
    const state = new URLSearchParams(location.hash.slice(1));
    if (FIELDS.some((id) => state.has(id))) {
      await fill();
      for (const id of FIELDS) byId(id).value = state.get(id) || "";
      answer();
    }
  };

  visit();
  shown();
  setInterval(shown, 30e3);
  const box = byId("search");
  if (box) search(box);
})();
