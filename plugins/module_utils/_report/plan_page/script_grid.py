# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of all grids, and the small pieces that the other scripts use. Values become text nodes, never markup."""

from __future__ import annotations

SCRIPT = r"""
'use strict';
const DATA = JSON.parse(document.getElementById('plan-data').textContent);
const SVG = 'http://www.w3.org/2000/svg';
// A control character would be invisible; people shall see that it is there.
const plain = (value) => String(value).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  node.append(...children);
  return node;
}
function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const NUMBERS = new Intl.NumberFormat('en-US', {maximumFractionDigits: 2});
const count = (value) => NUMBERS.format(value);
const plural = (value, noun) => count(value) + ' ' + (value === 1 ? noun : noun.endsWith('y') ? noun.slice(0, -1) + 'ies' : noun + 's');
function select(label, options, change) {
  const box = make('select', {}, ...options.map(([value, text]) => make('option', {value}, plain(text))));
  box.addEventListener('change', change);
  return [make('label', {}, label + ' ', box), box];
}
function later(work, milliseconds = 120) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(work, milliseconds); };
}

const PRINTED = 400;

class Grid {
  constructor(host, data) {
    this.host = host;
    this.data = data;
    this.name = host.dataset.grid;
    this.shown = data.columns.filter((column) => !column.detail);
    this.below = data.columns.filter((column) => column.detail);
    this.size = data.columns[0].values.length;
    this.table = host.querySelector('table');
    this.note = host.querySelector('.note');
    this.sort = data.sort.replace(/^-/, '');
    this.down = data.sort.startsWith('-');
    this.page = 0;
    this.open = new Set();
    this.chosen = {};
    this.words = [];
    this.controls();
    this.heads();
    this.select();
  }
  text(column, row) {
    const value = column.values[row];
    if (column.kind === 'badge') return value < 0 ? '' : column.labels[value];
    if (column.texts) return value < 0 ? '' : column.texts[value];
    return value === null ? '' : Array.isArray(value) ? '' : String(value);
  }
  hay(row) {
    this.hays ||= new Array(this.size);
    return this.hays[row] ||= this.data.columns.map((column) => this.text(column, row)).join(' \n').toLowerCase();
  }
  controls() {
    this.form = make('form', {class: 'controls'});
    this.form.addEventListener('submit', (event) => event.preventDefault());
    this.boxes = {};
    for (const column of this.data.columns.filter((column) => column.filters)) {
      const tally = new Map();
      for (const value of column.values) tally.set(value, (tally.get(value) || 0) + 1);
      const texts = column.labels || column.texts || [...tally.keys()].map(String);
      const keys = [...tally.keys()].filter((key) => column.texts ? key >= 0 : key !== null);
      keys.sort((a, b) => column.kind === 'badge' || !column.texts ? a - b : texts[a].localeCompare(texts[b], 'en', {numeric: true}));
      const named = (key) => (column.texts ? texts[key] : String(key)) + ' (' + count(tally.get(key)) + ')';
      const [label, box] = select(column.head, [['', 'all'], ...keys.map((key) => [String(key), named(key)])], () => this.filtered());
      this.boxes[column.key] = box;
      this.form.append(label);
    }
    this.search = make('input', {type: 'search', placeholder: 'words, a host, a path'});
    this.search.addEventListener('input', later(() => this.filtered()));
    this.form.append(make('label', {}, 'Search ', this.search));
    if (this.below.length) {
      const all = make('button', {type: 'button'}, 'Open or close all');
      all.addEventListener('click', () => {
        const rows = this.rows.slice(this.page * this.data.page, (this.page + 1) * this.data.page);
        const opening = rows.some((row) => !this.open.has(row));
        for (const row of rows) if (opening) this.open.add(row); else this.open.delete(row);
        this.body();
      });
      this.form.append(all);
    }
    this.status = make('span', {class: 'muted small count', role: 'status'});
    this.form.append(this.status);
    this.host.prepend(this.form);
    this.pager = make('p', {class: 'pager'});
    this.note.before(this.pager);
  }
  heads() {
    const heads = this.shown.map((column) => {
      const button = make('button', {type: 'button', class: 'sort'}, column.head);
      button.addEventListener('click', () => {
        this.down = this.sort === column.key ? !this.down : ['number', 'bullet'].includes(column.kind);
        this.sort = column.key;
        this.page = 0;
        this.select();
      });
      const head = make('th', {scope: 'col', class: column.kind === 'number' ? 'number' : null}, button);
      head.dataset.key = column.key;
      return head;
    });
    this.table.tHead.rows[0].replaceChildren(...heads);
  }
  // ``wanted`` is {column key: the text to show}, ``words`` what to search for.
  show(wanted, words = '') {
    for (const box of Object.values(this.boxes)) box.value = '';
    for (const [key, text] of Object.entries(wanted)) {
      const column = this.data.columns.find((column) => column.key === key);
      const place = column.texts ? column.texts.indexOf(text) : Number(text);
      const box = this.boxes[key];
      if (box) box.value = String(place);
      if (!box || box.selectedIndex < 0) {
        if (box) box.value = '';
        words = (words + ' ' + text).trim();
      }
    }
    this.search.value = words;
    this.filtered();
    this.host.closest('section').scrollIntoView();
    this.host.closest('details')?.setAttribute('open', '');
  }
  filtered() {
    this.page = 0;
    this.select();
  }
  rank(column) {
    const values = column.values;
    if (column.kind === 'bullet') {
      // Far from what was observed, upwards or downwards, is what people look for; what was not measured goes last.
      return (row) => {
        const value = values[row];
        const base = value && (value[1] ?? value[3]);
        return value && base && value[4] ? Math.abs(Math.log(value[4] / base)) : -1;
      };
    }
    if (['number', 'wave'].includes(column.kind)) return (row) => values[row] === null ? -Infinity : values[row];
    if (column.kind === 'badge') return (row) => values[row];
    const order = [...column.texts.keys()].sort((a, b) => column.texts[a].localeCompare(column.texts[b], 'en', {numeric: true}));
    const places = new Map(order.map((text, place) => [text, place]));
    return (row) => values[row] < 0 ? -1 : places.get(values[row]);
  }
  select() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const checks = this.data.columns.filter((column) => this.boxes[column.key]?.value).map((column) => [column.values,
      Number(this.boxes[column.key].value)]);
    this.rows = [];
    for (let row = 0; row < this.size; row += 1) {
      if (checks.every(([values, wanted]) => values[row] === wanted) && words.every((word) => this.hay(row).includes(word))) this.rows.push(row);
    }
    const column = this.data.columns.find((column) => column.key === this.sort);
    if (column) {
      const rank = this.rank(column);
      const way = this.down ? -1 : 1;
      this.rows.sort((a, b) => way * (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0) || a - b);
    }
    for (const head of this.table.tHead.rows[0].cells) {
      if (head.dataset.key === this.sort) head.setAttribute('aria-sort', this.down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    this.body();
  }
  body() {
    const from = this.page * this.data.page;
    this.fill(this.rows.slice(from, from + this.data.page), false);
    const pages = Math.ceil(this.rows.length / this.data.page);
    this.status.textContent = this.rows.length === this.size ? plural(this.size, this.data.noun) : count(this.rows.length) + ' of ' +
      plural(this.size, this.data.noun);
    this.note.textContent = this.rows.length ? '' : 'Nothing fits.';
    this.pager.hidden = pages < 2;
    this.pager.replaceChildren();
    if (pages > 1) {
      const step = (text, to, off) => {
        const button = make('button', {type: 'button', disabled: off}, text);
        button.addEventListener('click', () => {
          this.page = to;
          this.body();
          const again = [...this.pager.querySelectorAll('button')].find((other) => other.textContent === text);
          (again.disabled ? this.pager.querySelector('button:not(:disabled)') : again).focus();
        });
        return button;
      };
      const where = count(from + 1) + ' to ' + count(Math.min(from + this.data.page, this.rows.length)) + ' of ' + count(this.rows.length);
      this.pager.append(step('First', 0, !this.page), step('Back', this.page - 1, !this.page), make('span', {class: 'small'}, where),
        step('Next', this.page + 1, this.page + 1 >= pages), step('Last', pages - 1, this.page + 1 >= pages));
    }
  }
  fill(rows, paper) {
    for (const body of [...this.table.tBodies]) body.remove();
    this.table.append(...rows.map((row) => this.entry(row, paper)));
  }
  entry(row, paper) {
    const main = make('tr', {}, ...this.shown.map((column) => {
      const cell = make('td', {class: column.kind === 'number' ? 'number' : null, 'data-label': column.head});
      cell.append(this.cell(column, row));
      return cell;
    }));
    const body = make('tbody', {}, main);
    const told = this.below.filter((column) => column.texts ? column.values[row] >= 0 : column.values[row] !== null);
    if (told.length) {
      const parts = told.map((column) => make('div', {}, make('h4', {}, column.head), make('p', {}, this.cell(column, row))));
      const detail = make('tr', {class: 'detail', hidden: !paper && !this.open.has(row)},
        make('td', {colspan: this.shown.length}, make('div', {class: 'sides'}, ...parts)));
      const first = main.cells[0];
      const button = make('button', {type: 'button', class: 'more', 'aria-expanded': String(this.open.has(row)), 'aria-label': 'Details of ' +
        first.textContent});
      button.addEventListener('click', () => {
        detail.hidden = !detail.hidden;
        if (detail.hidden) this.open.delete(row); else this.open.add(row);
        button.setAttribute('aria-expanded', String(!detail.hidden));
      });
      first.prepend(button);
      body.append(detail);
    }
    return body;
  }
  cell(column, row) {
    const value = column.values[row];
    if (column.kind === 'bullet') return bullet(value, column.unit || '');
    if (value === null || (column.texts && value < 0)) return make('span', {class: 'muted'}, column.none);
    if (column.kind === 'number') return document.createTextNode((count(value) + ' ' + (column.unit || '')).trim());
    if (column.kind === 'wave') return make('span', {class: 'wave'}, String(value));
    const text = plain(this.text(column, row));
    if (column.kind === 'badge') return make('span', {class: 'badge ' + column.tones[value]}, text);
    if (column.kind === 'nowrap') return make('span', {class: 'nowrap'}, text);
    if (column.kind === 'strong' || column.kind === 'code') return make(column.kind, {}, text);
    return document.createTextNode(text);
  }
  paper() {
    this.fill(this.rows.slice(0, PRINTED), true);
    const left = this.rows.length - PRINTED;
    const filtered = this.rows.length < this.size ? 'Filtered: ' + count(this.rows.length) + ' of ' + plural(this.size, this.data.noun) + '. ' : '';
    this.note.textContent = filtered + (left > 0 ? count(PRINTED) + ' of ' + count(this.rows.length) +
      ' are printed here. All of them stand in plan.yml.' : '');
  }
}

function bullet(value, unit) {
  const unknown = () => make('span', {class: 'muted'}, 'not measured');
  if (value === null) return unknown();
  const [p50, p95, p99, top, chosen] = value;
  const shown = (part) => part === null ? '?' : count(part);
  if ([p50, p95, p99, top].every((part) => part === null)) return make('span', {class: 'bullet'}, unknown(), ' ', make('strong', {}, shown(chosen)));
  const wide = 104;
  const most = Math.max(...value.filter((part) => part !== null)) || 1;
  const x = (part) => wide * part / most;
  const parts = ['p50', 'p95', 'p99', 'max'].map((name, place) => value[place] === null ? '' : name + ' ' + count(value[place])).filter(Boolean);
  const told = (parts.join(', ') + '; chosen ' + shown(chosen) + ' ' + unit).trim();
  const picture = draw('svg', {width: wide, height: 18, viewBox: '0 0 ' + wide + ' 18', role: 'img', 'aria-label': told}, draw('title', {}, told),
    draw('rect', {class: 'lane', width: wide, height: 8, y: 5, rx: 4}));
  if (p50 !== null && p95 !== null) picture.append(draw('rect', {class: 'observed', x: x(p50), width: Math.max(2, x(p95) - x(p50)), height: 8, y: 5,
    rx: 2}));
  if (p99 !== null) picture.append(draw('rect', {class: 'tick', x: Math.max(0, x(p99) - 2), width: 2, height: 8, y: 5}));
  if (top !== null) picture.append(draw('rect', {class: 'peak', x: Math.max(0, x(top) - 2), width: 2, height: 8, y: 5}));
  if (chosen !== null) picture.append(draw('rect', {class: top !== null && top > chosen ? 'chosen over' : 'chosen', x: Math.max(0, x(chosen) - 3),
    width: 3, height: 18}));
  return make('span', {class: 'bullet'}, picture, make('span', {class: 'small', 'aria-hidden': 'true'}, shown(p95 ?? top) + ' ', make('b', {},
    shown(chosen))));
}

const grids = {};
for (const host of document.querySelectorAll('[data-grid]')) grids[host.dataset.grid] = new Grid(host, DATA.grids[host.dataset.grid]);
addEventListener('beforeprint', () => Object.values(grids).forEach((grid) => grid.paper()));
addEventListener('afterprint', () => Object.values(grids).forEach((grid) => grid.body()));
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-show]');
  if (!link || !grids[link.dataset.show]) return;
  event.preventDefault();
  const wanted = JSON.parse(link.dataset.wanted || '{}');
  grids[link.dataset.show].show(wanted, link.dataset.words || '');
});
document.documentElement.classList.add('js');
""".strip()
