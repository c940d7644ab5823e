# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the dependency graph: groups first, services on demand; the same layout for the same view, always."""

from __future__ import annotations

SCRIPT = r"""
class Graph {
  constructor(host, data) {
    Object.assign(this, data);
    this.canvas = host.querySelector('.canvas');
    this.out = this.services.map(() => []);
    this.into = this.services.map(() => []);
    this.edges.forEach(([from, to], place) => { this.out[from].push(place); this.into[to].push(place); });
    this.beyond = this.services.map(() => []);
    this.external.forEach(([service], place) => this.beyond[service].push(place));
    this.open = new Set();
    this.focus = null;
    this.limit = 160;
    this.controls(host);
    this.svg = draw('svg', {tabindex: '0', role: 'group', class: 'stage'});
    this.canvas.replaceChildren(this.svg);
    this.card = make('p', {class: 'small muted told', role: 'status'});
    this.canvas.after(this.card);
    this.listen();
    this.render();
  }
  controls(host) {
    const small = this.services.length <= this.most;
    const form = make('form', {class: 'controls'});
    form.addEventListener('submit', (event) => { event.preventDefault(); this.search(); });
    const again = () => { this.open.clear(); this.focus = null; this.render(); };
    const add = (key, label, options) => {
      const [text, box] = select(label, options, again);
      this[key] = box;
      form.append(text);
    };
    add('by', 'Group by', [...(small ? [['service', 'nothing']] : []), ['kind', 'kind'], ['wave', 'wave'], ['cluster', 'what belongs together']]);
    add('kind', 'Kind', [['', 'all'], ...this.kinds.map((kind, place) => [String(place), kind])]);
    const waves = [...new Set(this.services.map((service) => service[3]).filter((wave) => wave !== null))].sort((a, b) => a - b);
    add('wave', 'Wave', [['', 'all'], ...waves.map((wave) => [String(wave), String(wave)])]);
    this.words = make('input', {type: 'search', placeholder: 'host or service', list: 'graph-names'});
    this.words.addEventListener('input', later(() => this.search(), 200));
    form.append(make('label', {}, 'Find ', this.words));
    this.reach = select('Around it', [['1', 'one step'], ['2', 'two steps'], ['3', 'three steps']], () => this.render());
    form.append(this.reach[0]);
    this.outside = make('input', {type: 'checkbox'});
    this.outside.addEventListener('change', () => this.render());
    if (this.external.length) form.append(make('label', {}, this.outside, ' ways out of the estate'));
    const button = (text, label, work) => {
      const node = make('button', {type: 'button', 'aria-label': label, title: label}, text);
      node.addEventListener('click', work);
      form.append(node);
    };
    button('+', 'Zoom in', () => this.zoom(1.25));
    button('\u2212', 'Zoom out', () => this.zoom(0.8));
    button('Fit', 'Show the whole graph', () => this.fit());
    button('Back', 'Back to the overview', () => this.back());
    host.prepend(form);
    for (const ring of document.querySelectorAll('[data-ring]')) {
      ring.addEventListener('click', () => { this.look(this.rings[Number(ring.dataset.ring)]); host.scrollIntoView(); });
    }
  }
  // Which nodes are there, by key: {key, title, below, family, members, wave}.
  nodes() {
    const fits = (place) => {
      const service = this.services[place];
      return (!this.kind.value || service[1] === Number(this.kind.value)) && (!this.wave.value || service[3] === Number(this.wave.value));
    };
    let places = this.services.map((_, place) => place);
    this.hidden = 0;
    if (this.focus) {
      const seen = new Set(this.focus);
      let edge = [...this.focus];
      for (let step = 0; step < (this.focus.length > 1 ? 0 : Number(this.reach[1].value)); step += 1) {
        const next = [];
        for (const place of edge) {
          for (const row of this.out[place]) if (!seen.has(this.edges[row][1])) { seen.add(this.edges[row][1]); next.push(this.edges[row][1]); }
          for (const row of this.into[place]) if (!seen.has(this.edges[row][0])) { seen.add(this.edges[row][0]); next.push(this.edges[row][0]); }
        }
        edge = next;
      }
      places = [...seen];
      this.hidden = Math.max(0, places.length - this.limit);
      places = places.slice(0, this.limit).sort((a, b) => a - b);
    }
    places = places.filter((place) => fits(place) || this.focus?.includes(place));
    const found = new Map();
    const few = !this.focus && places.length <= this.most && (this.kind.value || this.wave.value);
    for (const place of places) {
      const group = this.focus || few ? null : this.group(place);
      if (group === null || this.open.has(group.key)) {
        if (group && (group.taken = (this.taken[group.key] = (this.taken[group.key] || 0) + 1)) > this.limit) { this.hidden += 1; continue; }
        const service = this.services[place];
        found.set('s' + place, {key: 's' + place, title: service[0], below: service[2], family: this.families[service[1]], wave: service[3],
          members: [place]});
      } else {
        if (!found.has(group.key)) found.set(group.key, {...group, members: []});
        found.get(group.key).members.push(place);
      }
    }
    for (const node of found.values()) {
      if (node.key[0] !== 's') {
        node.below = plural(node.members.length, 'service');
        if (node.title === null) {
          const tally = new Map();
          for (const place of node.members) tally.set(this.services[place][1], (tally.get(this.services[place][1]) || 0) + 1);
          const [kind] = [...tally].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0];
          node.family = this.families[kind];
          node.title = node.wave === null && node.key[0] === 'w' ? 'no wave' : node.key[0] === 'w' ? 'Wave ' + node.wave :
            this.groups[Number(node.key.slice(1))];
          node.below += ', most are ' + this.kinds[kind];
        }
      }
    }
    return this.merged(found);
  }
  // Beyond the limit, small groups become one: a picture of everything is a picture of nothing.
  merged(found) {
    const groups = [...found.values()].filter((node) => node.key[0] !== 's');
    if (groups.length <= 60) return found;
    groups.sort((a, b) => b.members.length - a.members.length || (a.key < b.key ? -1 : 1));
    const rest = groups.slice(59);
    const members = rest.flatMap((node) => node.members);
    for (const node of rest) found.delete(node.key);
    found.set('rest', {key: 'rest', title: plural(rest.length, 'small group'), below: plural(members.length, 'service'), family: 'other', wave: null,
      members});
    return found;
  }
  group(place) {
    const service = this.services[place];
    if (this.by.value === 'service') return null;
    if (this.by.value === 'kind') return {key: 'k' + service[1], title: this.kinds[service[1]], family: this.families[service[1]], wave: null};
    if (this.by.value === 'wave') return {key: 'w' + service[3], title: null, family: 'other', wave: service[3]};
    return {key: 'c' + service[4], title: null, family: 'other', wave: null};
  }
  arrows(nodes) {
    const home = new Map();
    for (const node of nodes.values()) for (const place of node.members) home.set(place, node.key);
    const found = new Map();
    for (const [from, to, label, ring] of this.edges) {
      const one = home.get(from);
      const two = home.get(to);
      if (one === undefined || two === undefined || one === two) continue;
      const key = one + '>' + two;
      if (!found.has(key)) found.set(key, {from: one, to: two, labels: new Set(), count: 0, ring: false});
      const arrow = found.get(key);
      arrow.labels.add(label);
      arrow.count += 1;
      arrow.ring ||= Boolean(ring);
    }
    return [...found.values()];
  }
  // Partners beyond the estate: one node for each kind, or for each peer where few services are shown.
  strangers(nodes, arrows) {
    if (!this.outside.checked) return;
    const single = nodes.size <= 40;
    for (const node of [...nodes.values()]) {
      for (const place of node.members) {
        for (const row of this.beyond[place]) {
          const [, out, kind, peer, by] = this.external[row];
          const key = 'x' + out + kind + (single ? ':' + peer : '');
          const below = (out ? 'outside, ' : 'from outside, ') + kind;
          if (!nodes.has(key)) nodes.set(key, {key, title: single ? peer : kind, below, family: 'other', wave: null, members: [], beyond: true});
          const [from, to] = out ? [node.key, key] : [key, node.key];
          let arrow = arrows.find((other) => other.from === from && other.to === to);
          if (!arrow) arrows.push(arrow = {from, to, labels: new Set(), count: 0, ring: false, beyond: true});
          arrow.labels.add(by);
          arrow.count += 1;
        }
      }
    }
  }
  layers(keys, arrows) {
    const onward = new Map(keys.map((key) => [key, []]));
    for (const arrow of arrows) onward.get(arrow.from).push(arrow.to);
    const depth = new Map();
    const under = new Set();
    for (const root of keys) {
      const stack = [[root, 0]];
      while (stack.length) {
        const [key, place] = stack.pop();
        if (place === 0) {
          if (depth.has(key)) continue;
          under.add(key);
        }
        const next = onward.get(key)[place];
        if (next !== undefined) {
          stack.push([key, place + 1]);
          if (!depth.has(next) && !under.has(next)) stack.push([next, 0]);
        } else {
          under.delete(key);
          let most = 0;
          for (const other of onward.get(key)) if (depth.has(other) && !under.has(other)) most = Math.max(most, depth.get(other) + 1);
          depth.set(key, most);
        }
      }
    }
    return depth;
  }
  layout(nodes, arrows) {
    const keys = [...nodes.keys()];
    const depth = this.layers(keys, arrows);
    const tall = Math.max(8, Math.ceil(Math.sqrt(keys.length * 1.6)));
    const top = Math.max(0, ...depth.values());
    const columns = [];
    for (let level = top; level >= 0; level -= 1) columns.push(keys.filter((key) => depth.get(key) === level));
    const place = new Map();
    const mark = () => columns.forEach((column) => column.forEach((key, row) => place.set(key, (row + 0.5) / column.length)));
    mark();
    const near = new Map(keys.map((key) => [key, []]));
    for (const arrow of arrows) { near.get(arrow.from).push(arrow.to); near.get(arrow.to).push(arrow.from); }
    // A few sweeps of barycentres: each node beside the middle of its neighbours.
    for (let sweep = 0; sweep < 6; sweep += 1) {
      for (const column of sweep % 2 ? columns : [...columns].reverse()) {
        const middle = new Map(column.map((key) => {
          const others = near.get(key);
          return [key, others.length ? others.reduce((sum, other) => sum + place.get(other), 0) / others.length : place.get(key)];
        }));
        column.sort((a, b) => middle.get(a) - middle.get(b) || (a < b ? -1 : 1));
        column.forEach((key, row) => place.set(key, (row + 0.5) / column.length));
      }
    }
    const strips = columns.flatMap((column) => {
      const parts = Math.ceil(column.length / tall) || 1;
      const each = Math.ceil(column.length / parts);
      return Array.from({length: parts}, (_, part) => column.slice(part * each, (part + 1) * each));
    }).filter((strip) => strip.length);
    const most = Math.max(1, ...strips.map((strip) => strip.length));
    const spots = new Map();
    strips.forEach((strip, across) => strip.forEach((key, row) => {
      spots.set(key, {x: across * 310, y: (most - strip.length) * 32 + row * 64});
    }));
    this.width = Math.max(1, strips.length) * 310 - 110;
    this.height = most * 64 - 18;
    return spots;
  }
  render() {
    this.taken = {};
    const nodes = this.nodes();
    const arrows = this.arrows(nodes);
    this.strangers(nodes, arrows);
    const spots = this.layout(nodes, arrows);
    this.svg.setAttribute('aria-label', plural(nodes.size, 'node') + ' and ' + plural(arrows.length, 'arrow') +
      '. Arrow keys pan, plus and minus zoom, Tab goes from node to node, Escape goes back.');
    const tip = draw('marker', {id: 'tip', viewBox: '0 0 8 8', refX: 7.5, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: 'userSpaceOnUse',
      orient: 'auto'}, draw('path', {d: 'M0 0L8 4L0 8z', class: 'tip'}));
    this.scene = draw('g');
    const labelled = arrows.length <= 160;
    const ways = new Map([...nodes.keys()].map((key) => [key, []]));
    for (const arrow of arrows) {
      const one = spots.get(arrow.from);
      const two = spots.get(arrow.to);
      const back = two.x <= one.x;
      const [x1, y1, x2, y2] = [one.x + (back ? 100 : 200), one.y + (back ? 46 : 23), two.x + (back ? 100 : -2), two.y + (back ? 48 : 23)];
      const bend = Math.max(40, Math.abs(x2 - x1) * 0.45);
      const curve = back ? 'M' + x1 + ' ' + y1 + 'C' + x1 + ' ' + (y1 + 60) + ' ' + x2 + ' ' + (y2 + 60) + ' ' + x2 + ' ' + y2
        : 'M' + x1 + ' ' + y1 + 'C' + (x1 + bend) + ' ' + y1 + ' ' + (x2 - bend) + ' ' + y2 + ' ' + x2 + ' ' + y2;
      const group = nodes.get(arrow.from);
      const style = arrow.ring ? 'way ring' : arrow.beyond ? 'way beyond' : 'way fam-' + group.family;
      const path = draw('path', {class: style, d: curve, 'marker-end': 'url(#tip)', 'stroke-width': Math.min(6, 1.4 + Math.log2(arrow.count) * 0.6)});
      const words = [...arrow.labels].filter(Boolean);
      const told = arrow.count > 1 ? count(arrow.count) : words[0] || '';
      path.append(draw('title', {}, plain(nodes.get(arrow.from).title + ' needs ' + nodes.get(arrow.to).title + ': ' + plural(arrow.count,
        'dependency') + ', ' + words.slice(0, 8).join(', '))));
      const parts = [path];
      if (labelled && told) parts.push(draw('text', {class: 'small halo', x: x2 - 12, y: y2 - 5, 'text-anchor': 'end'}, plain(told)));
      this.scene.append(...parts);
      for (const key of [arrow.from, arrow.to]) ways.get(key).push(...parts);
    }
    const order = [...nodes.values()].sort((a, b) => spots.get(a.key).x - spots.get(b.key).x || spots.get(a.key).y - spots.get(b.key).y);
    for (const node of order) this.scene.append(this.box(node, spots.get(node.key), ways.get(node.key), arrows, nodes));
    this.svg.replaceChildren(draw('defs', {}, tip), this.scene);
    if (this.wide) this.fit();
    const what = this.focus ? (this.focus.length > 1 ? 'One ring. ' : 'What is around ' + this.services[this.focus[0]][0] + '. ') : '';
    this.rest = plain(what + plural(nodes.size, 'node') + ', ' + plural(arrows.length, 'arrow') + (this.hidden ? '; ' + plural(this.hidden,
      'service') + ' more would not fit' : '') +
      '. Click the picture, then arrow keys pan, + and \u2212 zoom, Tab goes from node to node, Enter opens, Escape goes back.');
    this.card.textContent = this.rest;
    this.count = {nodes: nodes.size, arrows: arrows.length};
    this.svg.dataset.nodes = nodes.size;
    this.svg.dataset.arrows = arrows.length;
  }
  box(node, spot, ways, arrows, nodes) {
    const cut = (text, most) => { const shown = plain(text); return shown.length > most ? shown.slice(0, most - 1) + '\u2026' : shown; };
    const needs = arrows.filter((arrow) => arrow.from === node.key).map((arrow) => nodes.get(arrow.to).title);
    const needed = arrows.filter((arrow) => arrow.to === node.key).map((arrow) => nodes.get(arrow.from).title);
    const list = (titles) => titles.slice(0, 6).join(', ') + (titles.length > 6 ? ' and ' + (titles.length - 6) + ' more' : '');
    const told = plain(node.title + ', ' + node.below + (node.wave !== null ? ', wave ' + node.wave : '') + (needs.length ? '; needs ' + list(needs) :
      '') + (needed.length ? '; needed by ' + list(needed) : ''));
    const group = draw('g', {class: 'node' + (node.beyond ? ' beyond' : '') + (this.focus?.length === 1 && node.members[0] === this.focus[0] ?
      ' middle' : ''),
      transform: 'translate(' + spot.x + ' ' + spot.y + ')', tabindex: '0', role: node.beyond ? 'img' : 'button', 'aria-label': told});
    group.dataset.key = node.key;
    if (node.key[0] !== 's' && !node.beyond) group.append(draw('rect', {class: 'box under', x: 4, y: 4, width: 200, height: 46, rx: 9}));
    group.append(draw('rect', {class: 'box', width: 200, height: 46, rx: 9}), draw('rect', {class: 'cell fam-' + node.family, y: 8, width: 4,
      height: 30, rx: 2}),
      draw('text', {class: 'strong', x: 14, y: 20}, cut(node.title, 24)), draw('text', {class: 'small', x: 14, y: 36}, cut(node.below, 30)));
    if (node.wave !== null && node.key[0] !== 'w') group.append(draw('circle', {class: 'dot', cx: 183, cy: 16, r: 10}), draw('text', {class: 'in',
      x: 183, y: 20, 'text-anchor': 'middle'}, String(node.wave)));
    const light = (on) => {
      this.scene.classList.toggle('dim', on);
      for (const way of ways) way.classList.toggle('lit', on);
      group.classList.toggle('lit', on);
      this.card.textContent = on ? told : this.rest;
    };
    group.addEventListener('pointerenter', () => light(true));
    group.addEventListener('pointerleave', () => light(false));
    group.addEventListener('focus', () => { light(true); this.reveal(spot); });
    group.addEventListener('blur', () => light(false));
    const enter = () => {
      if (node.beyond) return;
      if (node.key[0] === 's') this.look([node.members[0]]);
      else if (node.key === 'rest') { this.card.textContent = told; return; }
      else { this.open.add(node.key); this.render(); }
      this.svg.focus({preventScroll: true});
    };
    group.addEventListener('click', () => { if (!this.dragged) enter(); });
    group.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); enter(); } });
    return group;
  }
  look(places) {
    this.kind.value = '';
    this.wave.value = '';
    this.focus = places;
    this.render();
  }
  search() {
    const words = this.words.value.trim().toLowerCase();
    if (!words) { if (this.focus) { this.focus = null; this.render(); } return; }
    const names = this.services.map((service) => service[0].toLowerCase());
    let place = names.findIndex((name) => name === words || name.endsWith('@' + words));
    if (place < 0) place = names.findIndex((name) => name.includes(words));
    if (place < 0) place = this.services.findIndex((service) => service[2].toLowerCase().includes(words));
    if (place < 0) { this.card.textContent = plain('No service is named like ' + this.words.value); return; }
    this.look([place]);
  }
  back() {
    if (this.focus) { this.focus = null; this.words.value = ''; } else if (this.open.size) this.open.clear();
    else if (this.kind.value || this.wave.value) { this.kind.value = ''; this.wave.value = ''; } else return false;
    this.render();
    return true;
  }
  // The view: x and y of the upper left corner in the picture's units, and how many of them are a pixel.
  fit() {
    const wide = this.wide = this.canvas.clientWidth || 1000;
    const high = this.canvas.clientHeight || 500;
    this.scale = Math.min(1.1, (wide - 24) / Math.max(1, this.width), (high - 24) / Math.max(1, this.height));
    // On a phone the whole would be too small to read: it begins at its left side, and is panned.
    if (wide < 600) this.scale = Math.max(this.scale, 0.6);
    this.x = Math.max(12, (wide - this.width * this.scale) / 2);
    this.y = (high - this.height * this.scale) / 2;
    this.place();
  }
  place() {
    this.scene.setAttribute('transform', 'translate(' + this.x.toFixed(2) + ' ' + this.y.toFixed(2) + ') scale(' + this.scale.toFixed(4) + ')');
    this.svg.dataset.scale = this.scale.toFixed(4);
  }
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.min(4, Math.max(0.05, this.scale * factor));
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.place();
  }
  reveal(spot) {
    const x = this.x + spot.x * this.scale;
    const y = this.y + spot.y * this.scale;
    const [wide, high] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (x < 0 || x + 200 * this.scale > wide) this.x += wide / 2 - x - 100 * this.scale;
    if (y < 0 || y + 46 * this.scale > high) this.y += high / 2 - y - 23 * this.scale;
    this.place();
  }
  listen() {
    const points = new Map();
    this.svg.addEventListener('keydown', (event) => {
      const steps = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (steps[event.key]) { this.x += steps[event.key][0]; this.y += steps[event.key][1]; this.place(); }
      else if (event.key === '+' || event.key === '=') this.zoom(1.25);
      else if (event.key === '-') this.zoom(0.8);
      else if (event.key === '0') this.fit();
      else if (event.key === 'Escape') { if (this.back()) this.svg.focus({preventScroll: true}); else document.activeElement.blur(); }
      else return;
      event.preventDefault();
    });
    // A wheel scrolls the page unless somebody works in the picture.
    this.svg.addEventListener('wheel', (event) => {
      if (!event.ctrlKey && !this.svg.contains(document.activeElement)) return;
      event.preventDefault();
      const place = this.svg.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 400), event.clientX - place.left, event.clientY - place.top);
    }, {passive: false});
    this.svg.addEventListener('pointerdown', (event) => {
      this.dragged = false;
      points.set(event.pointerId, [event.clientX, event.clientY]);
    });
    this.svg.addEventListener('pointermove', (event) => {
      const before = points.get(event.pointerId);
      if (!before) return;
      const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
      if (points.size === 1) {
        if (!this.dragged && Math.hypot(dx, dy) < 4) return;
        if (!this.dragged) this.svg.setPointerCapture(event.pointerId);
        this.dragged = true;
        this.x += dx;
        this.y += dy;
        this.place();
      } else {
        const other = [...points].find(([key]) => key !== event.pointerId)[1];
        const place = this.svg.getBoundingClientRect();
        const factor = Math.hypot(event.clientX - other[0], event.clientY - other[1]) / Math.max(1, Math.hypot(before[0] - other[0],
          before[1] - other[1]));
        this.dragged = true;
        this.zoom(factor, (event.clientX + other[0]) / 2 - place.left, (event.clientY + other[1]) / 2 - place.top);
      }
      points.set(event.pointerId, [event.clientX, event.clientY]);
    });
    for (const name of ['pointerup', 'pointercancel', 'pointerleave']) this.svg.addEventListener(name, (event) => points.delete(event.pointerId));
    // The first report comes after the page's own layout, so nothing has to be laid out twice.
    new ResizeObserver(() => { if (this.canvas.clientWidth !== this.wide) this.fit(); }).observe(this.canvas);
    // On paper the picture is as wide as the sheet.
    const paper = (on) => {
      if (on) this.svg.setAttribute('viewBox', '-8 -8 ' + (this.width + 16) + ' ' + (this.height + 16)); else this.svg.removeAttribute('viewBox');
      if (on) this.scene.removeAttribute('transform'); else this.place();
    };
    addEventListener('beforeprint', () => paper(true));
    addEventListener('afterprint', () => paper(false));
  }
}
const graphHost = document.getElementById('graph');
const graph = graphHost && DATA.graph ? new Graph(graphHost, DATA.graph) : null;
""".strip()
