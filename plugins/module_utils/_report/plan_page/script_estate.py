# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of a large estate's picture: a card for each cell, search, colours, and the state after each wave."""

from __future__ import annotations

SCRIPT = r"""
class Estate {
  constructor(host, data) {
    this.host = host;
    this.data = data;
    this.cells = [...host.querySelectorAll('.cell')];
    this.hosts = this.cells.filter((cell) => cell.dataset.host);
    this.guests = this.cells.filter((cell) => cell.dataset.guest);
    this.byHost = new Map(this.hosts.map((cell) => [data.hosts[cell.dataset.host][0], cell]));
    this.byGuest = new Map(this.guests.map((cell) => [data.guests[cell.dataset.guest][0], cell]));
    this.from = new Map();
    for (const row of data.hosts) for (const guest of row[7]) this.from.set(guest, [...(this.from.get(guest) || []), row[0]]);
    this.lit = [];
    this.controls();
    this.card = make('div', {class: 'hover card', hidden: true});
    document.body.append(this.card);
    this.told = make('p', {class: 'small muted told', role: 'status'}, 'Point at a cell, or focus a picture and walk with the arrow keys.');
    host.append(this.told);
    for (const [svg, cells] of [[host.querySelector('#estate-before'), this.hosts], [host.querySelector('#estate-after'),
      this.guests]]) this.listen(svg, cells);
  }
  controls() {
    const form = make('form', {class: 'controls'});
    form.addEventListener('submit', (event) => { event.preventDefault(); this.found[0] && this.show(this.found[0], true); });
    this.words = make('input', {type: 'search', placeholder: 'host, guest, address, rack'});
    this.words.addEventListener('input', later(() => this.search()));
    const [label, colour] = select('Colour by', [['kind', 'kind'], ['concern', 'open concerns']], () => this.paint());
    this.colour = colour;
    const waves = Math.max(0, ...this.cells.map((cell) => Number(cell.dataset.wave || 0)));
    this.wave = make('input', {type: 'range', min: -1, max: waves, value: -1, id: 'estate-wave'});
    this.wave.addEventListener('input', () => this.paint());
    this.when = make('output', {for: 'estate-wave', class: 'small'});
    this.count = make('span', {class: 'muted small count', role: 'status'});
    form.append(make('label', {}, 'Find ', this.words), label, make('label', {}, 'After wave ', this.wave), this.when, this.count);
    this.host.prepend(form);
    this.found = [];
    this.paint();
  }
  paint() {
    const wave = Number(this.wave.value);
    this.when.textContent = wave < 0 ? 'before and after' : wave === 0 ? 'today' : 'wave ' + wave;
    const {texts, hosts, guests} = this.data;
    const tones = {critical: 'bad', warning: 'warn', info: 'info', '': 'fine'};
    const grave = new Map(hosts.map((row) => [row[0], texts[row[9]]]));
    const worst = (names) => ['critical', 'warning', 'info'].find((level) => names.some((name) => grave.get(name) === level)) || '';
    let left = 0;
    for (const cell of this.cells) {
      const own = cell.dataset.host ? hosts[cell.dataset.host] : guests[cell.dataset.guest];
      const old = Boolean(cell.dataset.host);
      const family = old ? texts[own[10]] : texts[own[8]];
      const level = old ? texts[own[9]] : worst(this.from.get(own[0]) || []);
      const moved = cell.dataset.wave !== undefined && Number(cell.dataset.wave) <= wave;
      const off = wave >= 0 && (old ? moved : !moved);
      if (old && !off) left += 1;
      cell.setAttribute('class', 'cell ' + (this.colour.value === 'kind' ? 'fam-' + family : 'grave-' + (tones[level] || 'fine')) + (off ? ' off' :
        ''));
    }
    this.lit = [];
    if (wave >= 0) this.when.textContent += ': ' + plural(left, 'old server') + ' left';
    this.search();
  }
  search() {
    const words = this.words.value.trim().toLowerCase();
    const {texts, hosts, guests} = this.data;
    this.found = !words ? [] : this.cells.filter((cell) => {
      const row = cell.dataset.host ? hosts[cell.dataset.host] : guests[cell.dataset.guest];
      const told = cell.dataset.host ? [row[0], row[5], texts[row[4]], texts[row[1]], ...row[6]] : [row[0], row[5], texts[row[2]], texts[row[1]]];
      return told.some((text) => text.toLowerCase().includes(words));
    });
    const found = new Set(this.found);
    for (const cell of this.cells) {
      cell.classList.toggle('faint', Boolean(words) && !found.has(cell));
      cell.classList.toggle('hit', found.has(cell));
    }
    this.count.textContent = words ? plural(this.found.length, 'match').replace('matchs', 'matches') : '';
  }
  lines(cell) {
    const {texts, hosts, guests} = this.data;
    const unknown = (value, unit) => value === null ? '? ' + unit : count(value) + ' ' + unit;
    if (cell.dataset.host) {
      const row = hosts[cell.dataset.host];
      const grave = texts[row[9]];
      return [row[0], [texts[row[1]], 'rack ' + texts[row[4]] + ', ' + row[5], unknown(row[2], 'W') + ', ' + unknown(row[3], 'U'),
        row[6].join('; ') ||
        'no service',
        row[7].length ? 'becomes ' + row[7].join(', ') : 'has no guest', row[8] === null ? 'stays' : 'empty after wave ' + row[8], grave ?
          'has an open ' + grave + ' concern' : 'no open concern']];
    }
    const row = guests[cell.dataset.guest];
    return [row[0], [texts[row[1]] + ' on ' + texts[row[2]], unknown(row[3], row[3] === 1 ? 'core' : 'cores') + ', ' + count(row[4] / 1024) +
      ' GiB, ' + row[5],
      'from ' + (this.from.get(row[0]) || ['nowhere']).join(', '), row[7] === null ? 'no wave' : 'comes in wave ' + row[7]]];
  }
  show(cell, spoken) {
    for (const other of this.lit) other.classList.remove('lit');
    const {hosts, guests} = this.data;
    const partners = cell.dataset.host ? hosts[cell.dataset.host][7].map((name) => this.byGuest.get(name)) :
      (this.from.get(guests[cell.dataset.guest][0]) || []).map((name) => this.byHost.get(name));
    this.lit = [cell, ...partners.filter(Boolean)];
    for (const other of this.lit) other.classList.add('lit');
    const [title, lines] = this.lines(cell);
    this.card.replaceChildren(make('strong', {}, plain(title)), ...lines.map((line) => make('div', {class: 'small'}, plain(line))));
    this.card.hidden = false;
    const place = cell.getBoundingClientRect();
    const [wide, high] = [this.card.offsetWidth, this.card.offsetHeight];
    this.card.style.left = Math.max(8, Math.min(innerWidth - wide - 8, place.left + place.width / 2 - wide / 2)) + 'px';
    this.card.style.top = (place.bottom + 8 + high > innerHeight ? Math.max(8, place.top - high - 8) : place.bottom + 8) + 'px';
    if (spoken) this.told.textContent = plain(title + ': ' + lines.join(', '));
  }
  hide() {
    this.card.hidden = true;
    for (const other of this.lit) other.classList.remove('lit');
    this.lit = [];
  }
  listen(svg, cells) {
    svg.setAttribute('tabindex', '0');
    svg.setAttribute('role', 'group');
    let at = -1;
    svg.addEventListener('pointermove', (event) => {
      const cell = event.target.closest('.cell');
      if (cell) this.show(cell, false); else this.hide();
    });
    svg.addEventListener('pointerleave', () => this.hide());
    svg.addEventListener('click', (event) => {
      const cell = event.target.closest('.cell');
      if (cell?.dataset.host) grids.concerns?.show({host: this.data.hosts[cell.dataset.host][0]});
      else if (cell) grids.sizing?.show({}, this.data.guests[cell.dataset.guest][0]);
    });
    svg.addEventListener('blur', () => this.hide());
    svg.addEventListener('keydown', (event) => {
      const number = (cell, name) => Number(cell.getAttribute(name));
      const middle = (cell) => [number(cell, 'x') + number(cell, 'width') / 2, number(cell, 'y') + number(cell, 'height') / 2];
      const ways = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
      if (event.key === 'Escape') { this.hide(); at = -1; return; }
      if (event.key === 'Enter' && at >= 0) { cells[at].dispatchEvent(new MouseEvent('click', {bubbles: true})); return; }
      const way = ways[event.key];
      if (!way) return;
      event.preventDefault();
      if (at < 0) at = 0;
      else {
        // The nearest cell in that direction; what is beside the way counts for more than what is far along it.
        const [x, y] = middle(cells[at]);
        let best = Infinity;
        let next = at;
        cells.forEach((cell, place) => {
          const [a, b] = middle(cell);
          const along = (a - x) * way[0] + (b - y) * way[1];
          const beside = Math.abs((a - x) * way[1]) + Math.abs((b - y) * way[0]);
          if (along > 0.5 && along + beside * 3 < best) { best = along + beside * 3; next = place; }
        });
        at = next;
      }
      this.show(cells[at], true);
    });
  }
}
const estateHost = document.getElementById('estate');
const estate = estateHost && DATA.estate ? new Estate(estateHost, DATA.estate) : null;
""".strip()
