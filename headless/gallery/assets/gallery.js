// The page of a gallery: filters, cards, plots and the player. Everything that comes from the clips goes into the page as text, never as markup.
"use strict";
(function () {
  const data = window.galleryData;
  const PAGE = 60;
  const SERIES = ["--first", "--second", "--third"];
  const byId = (id) => document.getElementById(id);

  function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  const unseen = (text) => make("span", { className: "unseen" }, text);
  const several = data.sources.length > 1;
  const sourceOf = (pane) => data.sources[pane.source].label;
  const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

  function shown(key, value) {
    if (value === null || value === undefined) return "–";
    const [, unit, digits] = data.numbers[key];
    return value.toFixed(digits) + (unit === "°" || unit === "" ? unit : ` ${unit}`);
  }

  // --- Filters -------------------------------------------------------------------------------------------------------------

  const groups = data.groups.map((group, place) => ({
    ...group,
    place,
    words: [group.name, ...group.panes.flatMap((p) => [p.name, p.text, p.signs.map((s) => s[0]).join(" "), p.problem])].join("\n").toLowerCase(),
  }));
  const largest = (key) => (group) => Math.max(...group.panes.map((p) => p.numbers[key] ?? -1));
  const ORDERS = {
    place: ["As in the source", (group) => group.place],
    name: ["Name", (group) => group.name.toLowerCase()],
    long: ["Longest first", (group) => -largest("seconds")(group)],
    short: ["Shortest first", largest("seconds")],
    flags: ["Most flags first", (group) => -group.panes.reduce((sum, p) => sum + p.flags.length, 0)],
    jump: ["Largest turn between frames first", (group) => -largest("jump")(group)],
    speed: ["Fastest wrist first", (group) => -largest("wrist_speed_max")(group)],
  };
  let found = groups;
  let page = 0;

  function wanted() {
    const flags = [...document.querySelectorAll("#flags input:checked")].map((box) => box.value);
    return {
      words: byId("query").value.toLowerCase().split(/\s+/).filter(Boolean), source: byId("source").value, flags,
      low: parseFloat(byId("shortest").value), high: parseFloat(byId("longest").value), paired: byId("paired").checked, order: byId("order").value,
    };
  }

  function fits(pane, wish) {
    const seconds = pane.numbers.seconds;
    if (wish.source !== "" && String(pane.source) !== wish.source) return false;
    if (!Number.isNaN(wish.low) && !(seconds >= wish.low)) return false;
    if (!Number.isNaN(wish.high) && !(seconds <= wish.high)) return false;
    return wish.flags.length === 0 || wish.flags.some((kind) => (kind === "none" ? pane.flags.length === 0 : pane.flags.some((f) => f.kind === kind)));
  }

  function filter() {
    const wish = wanted();
    const key = ORDERS[wish.order][1];
    found = groups.filter((group) => wish.words.every((word) => group.words.includes(word)) && (!wish.paired || group.panes.length > 1) && group.panes.some((pane) => fits(pane, wish)));
    found = found.map((group) => [key(group), group]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1].place - b[1].place)).map((pair) => pair[1]);
    page = 0;
    list();
    if (byId("plots").open) plot();
    remember(wish);
  }

  // The filters stand in the address, so that what was found can be kept and passed on.
  function remember(wish) {
    const state = new URLSearchParams();
    if (byId("query").value) state.set("q", byId("query").value);
    if (wish.source) state.set("source", wish.source);
    if (wish.flags.length) state.set("flags", wish.flags.join(","));
    if (!Number.isNaN(wish.low)) state.set("low", wish.low);
    if (!Number.isNaN(wish.high)) state.set("high", wish.high);
    if (wish.paired) state.set("paired", "1");
    if (wish.order !== "place") state.set("order", wish.order);
    const hash = String(state);
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    byId("query").value = state.get("q") || "";
    byId("shortest").value = state.get("low") || "";
    byId("longest").value = state.get("high") || "";
    byId("paired").checked = state.get("paired") === "1";
    for (const [id, key, other] of [["source", "source", ""], ["order", "order", "place"]]) {
      const value = state.get(key) || other;
      byId(id).value = [...byId(id).options].some((option) => option.value === value) ? value : other;
    }
    const flags = (state.get("flags") || "").split(",");
    for (const box of document.querySelectorAll("#flags input")) box.checked = flags.includes(box.value);
  }

  // --- Cards ---------------------------------------------------------------------------------------------------------------

  function list() {
    const first = page * PAGE;
    const here = found.slice(first, first + PAGE);
    const all = groups.length === found.length ? "" : ` of ${groups.length.toLocaleString("en")}`;
    byId("status").textContent = found.length ? `${count(found.length, "clip")}${all} found` : `No clip${all} is like that`;
    byId("cards").replaceChildren(...here.map((group) => make("li", {}, card(group))));
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    byId("pages").hidden = pages === 1;
    byId("where").textContent = `Page ${page + 1} of ${pages}`;
    byId("back").disabled = page === 0;
    byId("forth").disabled = page === pages - 1;
  }

  function turn(step) {
    page += step;
    list();
    byId("results").focus();
    byId("results").scrollIntoView();
  }

  function badges(pane) {
    if (!pane.flags.length) return null;
    const kinds = [...new Set(pane.flags.map((flag) => flag.kind))];
    return make("ul", { className: "badges" }, ...kinds.map((kind) => make("li", {}, data.flags[kind])));
  }

  function card(group) {
    const article = make("article", {}, make("h3", {}, group.name));
    const text = group.panes.map((pane) => pane.text).find(Boolean);
    if (text) article.append(make("p", {}, text));
    for (const pane of group.panes) {
      if (several) article.append(make("p", { className: "facts" }, sourceOf(pane)));
      if (pane.drawn) {
        article.append(make("img", { src: `clips/${pane.file}.png`, width: 900, height: 150, loading: "lazy", decoding: "async", alt: `Frames of ${group.name}${several ? `, ${sourceOf(pane)}` : ""}` }));
        article.append(make("p", { className: "facts" }, ["seconds", "frames", "fps"].map((key) => shown(key, pane.numbers[key]) + (key === "frames" ? " frames" : "")).join(", ")));
      }
      if (pane.problem) article.append(make("p", { className: "problem" }, pane.problem));
      article.append(badges(pane) || "");
    }
    const playable = group.panes.some((pane) => pane.drawn || pane.video);
    const button = make("button", { type: "button", className: "main" }, playable ? "Play" : "Details", unseen(` ${group.name}`));
    button.addEventListener("click", () => open(group, playable));
    article.append(button);
    return article;
  }

  // --- Plots ---------------------------------------------------------------------------------------------------------------

  function plot() {
    const panes = found.flatMap((group) => group.panes);
    const names = data.sources.map((source) => source.label);
    const values = (key) => names.map((_, k) => panes.filter((p) => p.source === k && p.numbers[key] !== null && p.numbers[key] !== undefined).map((p) => p.numbers[key]));
    const charts = [histogram("Length", "s", values("seconds"), names), histogram("Highest wrist speed", "m/s", values("wrist_speed_max"), names)];
    const flags = Object.entries(data.flags).map(([kind, label]) => [label, names.map((_, k) => panes.filter((p) => p.source === k && p.flags.some((f) => f.kind === kind)).length)]);
    charts.push(bars("Clips with flags", flags.filter(([, counts]) => counts.some(Boolean)), names, false));
    const glosses = new Map();
    for (const pane of panes) for (const [gloss] of pane.signs) {
      if (!glosses.has(gloss)) glosses.set(gloss, names.map(() => 0));
      glosses.get(gloss)[pane.source] += 1;
    }
    const sum = (counts) => counts.reduce((a, b) => a + b, 0);
    const most = [...glosses].sort((a, b) => sum(b[1]) - sum(a[1]) || (a[0] < b[0] ? -1 : 1)).slice(0, 20);
    charts.push(bars("Most frequent signs", most, names, false));
    byId("charts").replaceChildren(...charts.filter(Boolean));
  }

  function nice(span) {
    const power = 10 ** Math.floor(Math.log10(span));
    return power * ([1, 2, 5, 10].find((n) => n * power >= span) || 10);
  }

  function histogram(title, unit, series, names) {
    const all = series.flat();
    if (!all.length) return null;
    const low = Math.min(...all), high = Math.max(...all);
    const step = high > low ? nice((high - low) / 20) : 1;
    const start = Math.floor(low / step) * step;
    const bins = Math.max(1, Math.floor((high - start) / step) + 1);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const rows = [];
    for (let k = 0; k < bins; k += 1) rows.push([`${(start + k * step).toFixed(digits)} to ${(start + (k + 1) * step).toFixed(digits)} ${unit}`, series.map(() => 0)]);
    series.forEach((values, s) => values.forEach((value) => { rows[Math.min(bins - 1, Math.floor((value - start) / step))][1][s] += 1; }));
    return bars(title, rows, names, true);
  }

  function draw(tag, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // rows: [label, counts of each source]. upright: bars of a histogram; else a line a row.
  function bars(title, rows, names, upright) {
    if (!rows.length) return null;
    const top = Math.max(1, ...rows.flatMap((row) => row[1]));
    const series = names.length;
    const wide = 400, high = upright ? 190 : 24 * rows.length + 8;
    const svg = draw("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `${title}: the numbers are in the table below` });
    const colour = (s) => `var(${SERIES[s % SERIES.length]})`;
    rows.forEach(([label, counts], k) => counts.forEach((n, s) => {
      if (upright) {
        const slot = (wide - 40) / rows.length, width = Math.max(1, (slot - 1) / series), height = (150 * n) / top;
        svg.append(draw("rect", { x: 34 + k * slot + s * width, y: 160 - height, width, height, fill: colour(s) }));
        if (s === 0 && (k === 0 || k === rows.length - 1)) svg.append(draw("text", { x: k ? wide - 6 : 34, y: 178, "text-anchor": k ? "end" : "start" }, label));
      } else {
        const height = 18 / series, y = 4 + k * 24 + s * height, width = (180 * n) / top;
        svg.append(draw("rect", { x: 160, y, width, height: Math.max(1, height - 1), fill: colour(s) }));
        if (s === 0) svg.append(draw("text", { x: 154, y: y + 13, "text-anchor": "end" }, label.length > 24 ? `${label.slice(0, 23)}…` : label));
        if (series === 1) svg.append(draw("text", { x: 166 + width, y: y + 13 }, String(n)));
      }
    }));
    if (upright) svg.append(draw("text", { x: 28, y: 18, "text-anchor": "end" }, String(top)), draw("text", { x: 28, y: 160, "text-anchor": "end" }, "0"), draw("line", { x1: 34, x2: wide - 6, y1: 160.5, y2: 160.5, stroke: "currentColor" }));
    const table = make("table", {}, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, title), ...names.map((name) => make("th", { scope: "col", className: "number" }, name)))));
    table.append(make("tbody", {}, ...rows.map(([label, counts]) => make("tr", {}, make("th", { scope: "row" }, label), ...counts.map((n) => make("td", { className: "number" }, String(n)))))));
    const key = series > 1 ? make("ul", { className: "key" }, ...names.map((name, s) => {
      const mark = make("i", { "aria-hidden": "true" });
      mark.style.background = colour(s);
      return make("li", {}, mark, name);
    })) : "";
    const scroll = make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": `${title}, table` }, table);
    return make("section", {}, make("h3", {}, title), svg, key, make("details", {}, make("summary", {}, "Table", unseen(` of ${title}`)), scroll));
  }

  // --- Figures -------------------------------------------------------------------------------------------------------------

  const loaded = new Map();
  const waiting = new Map();
  window.galleryClip = function (number, clip) {
    const bytes = Uint8Array.from(atob(clip.data), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    clip.values = new Int16Array(bytes.length / 2);
    for (let k = 0; k < clip.values.length; k += 1) clip.values[k] = view.getInt16(2 * k, true);
    delete clip.data;
    loaded.set(number, clip);
    (waiting.get(number) || []).forEach((done) => done(clip));
    waiting.delete(number);
  };

  // A script tag, because a page that was opened from a file may not fetch other files.
  function load(pane, done) {
    if (loaded.has(pane.number)) return done(loaded.get(pane.number));
    if (waiting.has(pane.number)) return waiting.get(pane.number).push(done);
    waiting.set(pane.number, [done]);
    const script = make("script", { src: `clips/${pane.file}.js` });
    script.addEventListener("error", () => waiting.delete(pane.number));
    document.head.append(script);
    return undefined;
  }

  const VIEWS = { front: (x, y, z) => [x, y, z], left: (x, y, z) => [-z, y, x], right: (x, y, z) => [z, y, -x], above: (x, y, z) => [x, -z, y] };

  function paint(canvas, clip, frame, view) {
    const pen = canvas.getContext("2d");
    const size = canvas.width, scale = size / (2 * clip.half), rim = data.outline * scale;
    pen.fillStyle = data.paper;
    pen.fillRect(0, 0, size, size);
    const turned = VIEWS[clip.flat ? "front" : view], start = frame * clip.points * 3;
    const points = new Array(clip.points);
    for (let k = 0; k < clip.points; k += 1) {
      const at = start + 3 * k;
      if (clip.values[at] === -32768) { points[k] = null; continue; }
      const [x, y, z] = turned(clip.values[at] * clip.step, clip.values[at + 1] * clip.step, clip.values[at + 2] * clip.step);
      points[k] = [size / 2 + x * scale, size / 2 - y * scale, z];
    }
    const parts = [];
    for (const part of clip.parts) {
      const members = part[0] === "line" ? [part[1], part[2]] : part[1];
      if (members.some((k) => points[k] === null)) continue;
      const depth = members.reduce((sum, k) => sum + points[k][2], 0) / members.length + data.styles[part[part.length - 1]][2];
      parts.push([depth, part, members]);
    }
    parts.sort((a, b) => a[0] - b[0]);
    pen.lineCap = "round";
    pen.lineJoin = "round";
    for (const [, part, members] of parts) {
      const style = part[part.length - 1], [fill, line] = data.styles[style], place = members.map((k) => points[k]);
      if (part[0] === "line") {
        pen.beginPath();
        pen.moveTo(place[0][0], place[0][1]);
        pen.lineTo(place[1][0], place[1][1]);
        if (style !== "mark") { pen.strokeStyle = line; pen.lineWidth = Math.max(part[3] * scale, 1.5) + rim; pen.stroke(); }
        pen.strokeStyle = fill;
        pen.lineWidth = Math.max(part[3] * scale, 1.5);
        pen.stroke();
      } else {
        pen.beginPath();
        if (part[0] === "face") place.forEach((p, k) => (k ? pen.lineTo(p[0], p[1]) : pen.moveTo(p[0], p[1])));
        else pen.arc(place.reduce((s, p) => s + p[0], 0) / place.length, place.reduce((s, p) => s + p[1], 0) / place.length, Math.max(part[2] * scale, 1), 0, 2 * Math.PI);
        pen.closePath();
        pen.fillStyle = fill;
        pen.fill();
        if (style !== "mark") { pen.strokeStyle = line; pen.lineWidth = Math.max(1, rim / 2); pen.stroke(); }
      }
    }
  }

  // --- Player --------------------------------------------------------------------------------------------------------------

  const dialog = byId("player");
  let current = null;
  let panes = [];
  let time = 0;
  let playing = false;
  let since = [0, 0]; // when playing began: clock of the browser in ms, time of the clip in s
  const speed = () => parseFloat(byId("speed").value);
  const length = () => Math.max(0.001, ...panes.map((p) => p.seconds));
  const stretched = () => byId("stretch").checked && panes.length > 1;
  const ownTime = (p) => Math.min(stretched() ? (time / length()) * p.seconds : time, p.seconds);
  const frameAt = (p, own) => Math.max(0, Math.min(p.frames - 1, Math.floor(own * p.fps + 1e-6)));

  function open(group, start) {
    current = group;
    pause();
    byId("player-name").textContent = group.name;
    byId("player-text").textContent = [...new Set(group.panes.map((p) => p.text).filter(Boolean))].join(" / ");
    panes = group.panes.filter((p) => p.drawn || p.video).map(pane);
    byId("panes").replaceChildren(...panes.map((p) => p.element));
    byId("facts").replaceChildren(...facts(group));
    for (const part of dialog.querySelectorAll(".bar ~ .bar button, .bar ~ .bar input, .bar ~ .bar select, #time")) part.disabled = !panes.length;
    byId("stretch-line").hidden = panes.length < 2;
    byId("time").max = String(length());
    const place = found.indexOf(group);
    byId("former").disabled = place < 1;
    byId("later").disabled = place < 0 || place === found.length - 1;
    time = 0;
    if (!dialog.open) dialog.showModal();
    byId(panes.length ? "play" : "close").focus();
    show();
    if (start && panes.length) play();
  }

  function pane(source) {
    const fps = source.numbers.fps || 30, frames = source.numbers.frames || 1;
    const own = { source, fps, frames, seconds: frames / fps, clip: null, video: null, asVideo: Boolean(source.video) };
    own.canvas = make("canvas", { width: 640, height: 640, role: "img", "aria-label": `Figure of ${current.name}, ${sourceOf(source)}` });
    own.caption = make("p", { className: "caption" });
    const label = make("figcaption", {}, sourceOf(source));
    own.element = make("figure", {}, label, own.canvas);
    if (source.video) {
      own.video = make("video", { src: source.video, muted: true, playsInline: true, preload: "auto", tabIndex: -1, "aria-label": `Video of ${current.name}, ${sourceOf(source)}` });
      own.video.addEventListener("loadedmetadata", () => { if (Number.isFinite(own.video.duration) && !source.drawn) own.seconds = own.video.duration; seek(own); });
      own.element.append(own.video);
    }
    if (source.video && source.drawn) {
      const button = make("button", { type: "button" });
      const set = () => { button.textContent = own.asVideo ? "Show figure" : "Show video"; own.canvas.hidden = own.asVideo; own.video.hidden = !own.asVideo; };
      button.addEventListener("click", () => { own.asVideo = !own.asVideo; set(); show(); if (playing) follow(); });
      label.append(button);
      set();
    } else if (source.video) own.canvas.hidden = true;
    own.element.append(own.caption);
    if (source.drawn) load(source, (clip) => {
      own.clip = clip;
      byId("view").disabled = panes.every((p) => p.clip && p.clip.flat);
      show();
    });
    return own;
  }

  function seek(own) {
    if (own.video && own.asVideo && !own.video.seeking) own.video.currentTime = ownTime(own) + 0.25 / own.fps;
  }

  function show(byVideo) {
    for (const own of panes) {
      const at = ownTime(own);
      if (own.clip && !(own.video && own.asVideo)) paint(own.canvas, own.clip, frameAt(own, at), byId("view").value);
      else if (!byVideo) seek(own);
      const sign = own.source.signs.find(([, start, end]) => start <= at && at <= end);
      const text = sign ? sign[0] : "";
      if (own.caption.textContent !== text) own.caption.textContent = text;
    }
    const slider = byId("time"), first = panes[0];
    slider.value = String(time);
    const said = first ? `${time.toFixed(2)} of ${length().toFixed(2)} s, frame ${frameAt(first, ownTime(first)) + 1} of ${first.frames}` : "";
    slider.setAttribute("aria-valuetext", said);
    byId("clock").textContent = said;
  }

  // The clock leads; a video that runs away from it is brought back.
  function follow() {
    for (const own of panes) {
      if (!own.video) continue;
      const at = ownTime(own), ended = at >= own.seconds - 0.5 / own.fps;
      if (!own.asVideo || !playing || ended) { if (!own.video.paused) own.video.pause(); continue; }
      own.video.playbackRate = speed() * (stretched() ? own.seconds / length() : 1);
      if (Math.abs(own.video.currentTime - at) > 0.15) own.video.currentTime = at;
      if (own.video.paused) own.video.play().catch(() => undefined);
    }
  }

  function tick(now) {
    if (!playing) return;
    time = since[1] + ((now - since[0]) / 1000) * speed();
    if (time >= length()) {
      if (!byId("loop").checked) { time = length(); pause(); show(); return; }
      time %= length();
      since = [now, time];
    }
    follow();
    show(true);
    requestAnimationFrame(tick);
  }

  function play() {
    if (time >= length() - 0.001) time = 0;
    playing = true;
    since = [performance.now(), time];
    byId("play").textContent = "Pause";
    requestAnimationFrame((now) => { since = [now, time]; tick(now); });
  }

  function pause() {
    playing = false;
    byId("play").textContent = "Play";
    for (const own of panes) if (own.video && !own.video.paused) own.video.pause();
  }

  function go(seconds) {
    pause();
    time = Math.max(0, Math.min(length(), seconds));
    show();
  }

  function step(by) {
    const first = panes[0];
    if (!first) return;
    const frame = Math.max(0, Math.min(first.frames - 1, frameAt(first, ownTime(first)) + by));
    go((frame / first.fps) * (stretched() ? length() / first.seconds : 1));
  }

  function timeOf(own, seconds) {
    return stretched() ? (seconds / own.seconds) * length() : seconds;
  }

  function facts(group) {
    const out = [];
    for (const own of group.panes) {
      const shownPane = panes.find((p) => p.source === own);
      const title = several ? `, ${sourceOf(own)}` : "";
      if (own.problem) out.push(make("p", { className: "problem" }, own.problem));
      const flags = own.flags.filter((flag) => flag.detail !== own.problem);
      if (flags.length) {
        out.push(make("h3", {}, `Flags${title}`));
        out.push(make("ul", { className: "jumps" }, ...flags.map((flag) => {
          const text = `${data.flags[flag.kind]}: ${flag.detail}`;
          if (flag.frame === null || !shownPane) return make("li", {}, text);
          const button = make("button", { type: "button" }, `${text}, at ${(flag.frame / shownPane.fps).toFixed(2)} s`);
          button.addEventListener("click", () => go(timeOf(shownPane, flag.frame / shownPane.fps)));
          return make("li", {}, button);
        })));
      }
      if (own.signs.length) {
        out.push(make("h3", {}, `Signs${title}`));
        out.push(make("ul", { className: "jumps" }, ...own.signs.map(([gloss, start]) => {
          const button = make("button", { type: "button" }, gloss, unseen(`, at ${start.toFixed(2)} s`));
          button.addEventListener("click", () => go(timeOf(shownPane, start)));
          return make("li", {}, button);
        })));
      }
    }
    const known = group.panes.filter((p) => p.drawn);
    if (known.length) {
      const head = make("tr", {}, make("th", { scope: "col" }, "Measured"), ...known.map((p) => make("th", { scope: "col", className: "number" }, sourceOf(p))));
      const rows = Object.keys(data.numbers).filter((key) => known.some((p) => p.numbers[key] !== null && p.numbers[key] !== undefined));
      const body = rows.map((key) => make("tr", {}, make("th", { scope: "row" }, data.numbers[key][0]), ...known.map((p) => make("td", { className: "number" }, shown(key, p.numbers[key])))));
      out.push(make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Measured numbers" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body))));
      out.push(make("details", {}, make("summary", {}, "Where it is from"), ...known.map((p) => make("p", { className: "facts" }, `${sourceOf(p)}: ${Object.entries(p.provenance).map(([k, v]) => `${k} ${v}`).join("; ")}`))));
    }
    return out;
  }

  function other(by) {
    const next = found[found.indexOf(current) + by];
    if (next) open(next, true);
  }

  // --- Start ---------------------------------------------------------------------------------------------------------------

  data.sources.forEach((source, k) => byId("source").append(make("option", { value: String(k) }, `${source.label} (${source.clips})`)));
  for (const [key, [label]] of Object.entries(ORDERS)) byId("order").append(make("option", { value: key }, label));
  const flagged = (kind) => groups.filter((g) => g.panes.some((p) => (kind === "none" ? !p.flags.length : p.flags.some((f) => f.kind === kind)))).length;
  for (const [kind, label] of [...Object.entries(data.flags), ["none", "No flag"]]) {
    const n = flagged(kind);
    if (n) byId("flags").append(make("p", { className: "check" }, make("input", { type: "checkbox", id: `flag-${kind}`, value: kind }), make("label", { htmlFor: `flag-${kind}` }, `${label} (${n})`)));
  }
  byId("paired-line").hidden = !groups.some((group) => group.panes.length > 1);
  let timer = 0;
  byId("filters").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 150); });
  byId("filters").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  byId("filters").addEventListener("reset", () => setTimeout(filter, 0));
  byId("back").addEventListener("click", () => turn(-1));
  byId("forth").addEventListener("click", () => turn(1));
  byId("plots").addEventListener("toggle", () => { if (byId("plots").open) plot(); });
  byId("close").addEventListener("click", () => dialog.close());
  byId("former").addEventListener("click", () => other(-1));
  byId("later").addEventListener("click", () => other(1));
  byId("play").addEventListener("click", () => (playing ? pause() : play()));
  byId("step-back").addEventListener("click", () => step(-1));
  byId("step-forth").addEventListener("click", () => step(1));
  byId("speed").addEventListener("change", () => { since = [performance.now(), time]; });
  byId("view").addEventListener("change", () => show());
  byId("stretch").addEventListener("change", () => show());
  byId("time").addEventListener("input", () => go(parseFloat(byId("time").value)));
  byId("time").addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (by) { event.preventDefault(); step(by); }
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("button, input, select, summary, a")) return;
    if (event.key === " ") { event.preventDefault(); if (playing) pause(); else play(); }
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") { event.preventDefault(); step(event.key === "ArrowLeft" ? -1 : 1); }
  });
  dialog.addEventListener("close", () => { pause(); panes = []; byId("panes").replaceChildren(); loaded.clear(); });
  window.addEventListener("hashchange", () => { recall(); filter(); });
  recall();
  filter();
})();
