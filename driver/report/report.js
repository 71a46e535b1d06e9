(() => {
'use strict';
/* Everything that must be read stands in the page already. This sorts, filters and opens; it sets text, and never markup. */
const $ = (id) => document.getElementById(id);
const table = $('boxes'), rows = [...table.querySelectorAll('tbody > tr')], CHUNK = 100;
const live = 'live' in document.documentElement.dataset, made = +document.documentElement.dataset.made;
const RENEW = 60000, STALE = 300;
/* Positions in a mailbox's array: see report_table.c. */
const ADDRESS = 0, DESTINATION = 1, STATE = 2, MESSAGES = 3, COPIED = 4, BYTES = 5, UNCOPIED = 6, PROOF = 7, LAST = 8, MORE = 9, FOLDERS = 10,
	LEFT = 11, LEFT_MORE = 12;
const COLUMNS = [ADDRESS, STATE, MESSAGES, COPIED, BYTES, UNCOPIED, PROOF, LAST];
let data, words, names, searched;
const load = () => {
	if (!data) {
		const all = JSON.parse($('data').textContent);
		data = all.m, words = all.s, names = Object.entries(all.names);
	}
	return data;
};

/* ---- small things ---- */
const make = (tag, attributes, ...children) => {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
	e.append(...children);
	return e;
};
const bdi = (text) => make('bdi', null, text);
/* `mbhaul run` and the like become code. */
const marked = (text) => {
	const parts = text.split('`'), b = make('bdi');
	const odd = parts.length % 2 ? '' : '`' + parts.pop();
	parts.forEach((part, i) => b.append(i % 2 ? make('code', null, part) : part));
	b.append(odd);
	return b;
};
const number = (n) => n.toLocaleString('en-US');
const bytes = (n) => {
	const units = ['B', 'KB', 'MB', 'GB', 'TB'];
	let u = 0;
	for (; n >= 1000 && u + 1 < units.length; u++) n /= 1000;
	return n.toFixed(u && n < 100 ? 1 : 0) + ' ' + units[u];
};
const two = (n) => String(n).padStart(2, '0');
const moment = (s) => {
	const d = new Date(1000 * s), day = (y, m, n) => y + '-' + two(m + 1) + '-' + two(n);
	const utc = day(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()) + ' ' + two(d.getUTCHours()) + ':' + two(d.getUTCMinutes()) + ' UTC';
	if (!d.getTimezoneOffset()) return utc;
	return day(d.getFullYear(), d.getMonth(), d.getDate()) + ' ' + two(d.getHours()) + ':' + two(d.getMinutes()) + ' (' + utc + ')';
};

/* ---- what the reader chose: kept in the address, so that it outlives a renewal ---- */
const view = {sort: 0, down: false, q: '', s: '', c: '', open: new Set(), turned: new Set()};
const turnable = [...document.querySelectorAll('details[id]')], initially = new Map(turnable.map((d) => [d.id, d.open]));
const save = (y) => {
	const p = new URLSearchParams();
	if (view.sort || view.down) p.set('sort', (view.down ? '-' : '') + view.sort);
	if (view.q) p.set('q', view.q);
	if (view.s) p.set('s', view.s);
	if (view.c) p.set('c', view.c);
	for (const i of view.open) p.append('open', load()[i][ADDRESS]);
	for (const d of turnable) if (d.open !== initially.get(d.id)) p.append('d', d.id);
	if (y !== undefined) p.set('y', Math.round(y));
	history.replaceState(null, '', '#' + p);
};
const restore = () => {
	const p = new URLSearchParams(location.hash.slice(1)), sort = parseInt(p.get('sort') || '0', 10);
	view.sort = Math.min(Math.abs(sort) || 0, COLUMNS.length - 1), view.down = (p.get('sort') || '').startsWith('-');
	view.q = p.get('q') || '', view.s = p.get('s') || '', view.c = p.get('c') || '';
	if (p.has('open')) {
		const at = new Map(load().map((m, i) => [m[ADDRESS], i]));
		for (const a of p.getAll('open')) if (at.has(a)) view.open.add(at.get(a));
	}
	for (const id of p.getAll('d')) if (initially.has(id)) $(id).open = !initially.get(id);
	return p;
};

/* ---- an opened mailbox ---- */
const cells = (tag, list) => {
	const tr = make('tr');
	for (const [content, numeric] of list) tr.append(make(tag, numeric ? {class: 'n'} : tag === 'th' ? {scope: 'col'} : null, content));
	return tr;
};
const opened = (i) => {
	const m = data[i], d = m[MORE], td = make('td', {colspan: COLUMNS.length}), dl = make('dl'), f = m[FOLDERS];
	const fact = (name, value) => { if (value) dl.append(make('dt', null, name), make('dd', null, marked(value))); };
	fact('Mailbox', m[ADDRESS]);
	fact('At the destination', m[DESTINATION] || m[ADDRESS]);
	fact('What happened', words[d[0]]);
	fact('What to do', words[d[1]]);
	fact('The server said', words[d[2]]);
	fact('Begun', d[3] && moment(d[3]));
	fact('Complete since', d[4] && moment(d[4]));
	fact('Not before', d[5] && moment(d[5]));
	fact('Size', m[BYTES] && bytes(m[BYTES]));
	fact('Data copied', d[6] && bytes(d[6]));
	if (d[7]) {
		const how = {uids: 'every message looked up', sample: 'every message looked up, and a sample compared byte by byte',
			deep: 'every message compared byte by byte'}[words[d[8]]] || words[d[8]];
		fact('Verified', moment(d[7]) + ': ' + how + (d[9] ? ' (' + number(d[9]) + ' compared' +
			(d[10] ? '; with 95 % confidence at most ' + number(d[10]) + ' of the others differ' : '') + ')' : '') +
			(d[12] ? '. Something was copied since.' : ''));
		fact('Verifying found', words[d[11]]);
	}
	td.append(dl);
	if (f.length) {
		const body = make('tbody');
		for (let k = 0; k < f.length; k += 4) {
			const there = f[k + 1] < 0 ? f[k] : f[k + 1], done = f[k + 3] < 0 ? f[k + 2] : f[k + 3];
			const tr = cells('td', [[bdi(words[f[k]])], [bdi(words[there])], [number(f[k + 2]), 1], [number(done), 1]]);
			if (done < f[k + 2]) tr.className = 'short';
			body.append(tr);
		}
		td.append(make('table', {class: 'list'}, make('thead', null, cells('th', [['Folder'], ['At the destination'], ['Messages', 1],
			[d[7] && !d[12] ? 'Arrived' : 'Copied', 1]])), body));
	}
	if (m[LEFT].length) {
		const body = make('tbody');
		for (const l of m[LEFT]) {
			const why = make('td', null, bdi(words[l[7]]));
			if (words[l[8]]) why.append(make('i', null, marked(words[l[8]])));
			const tr = cells('td', [[bdi(words[l[1]])], [bdi(l[5])], [bdi(l[4])], [bdi(l[3])], [l[2] ? String(l[2]) : '', 1], [l[6] ? bytes(l[6]) : '', 1]]);
			tr.append(why);
			body.append(tr);
		}
		td.append(make('table', {class: 'list left'}, make('thead', null, cells('th', [['Folder'], ['Subject'], ['From'], ['Date'], ['UID', 1], ['Size', 1],
			['Reason']])), body));
	}
	if (m[LEFT_MORE]) td.append(make('p', {class: 'aside'}, number(m[LEFT_MORE]) + ' more messages stand in results.json.'));
	return make('tr', {class: 'opened'}, td);
};
const detail = new Map();
const toggle = (i, on) => {
	load();
	const row = rows[i], button = row.querySelector('bdi');
	if (on === view.open.has(i) && on === detail.has(i)) return;
	row.classList.toggle('is-open', on);
	button.setAttribute('aria-expanded', on);
	if (on) {
		detail.set(i, opened(i));
		row.after(detail.get(i));
		view.open.add(i);
	} else {
		detail.get(i).remove();
		detail.delete(i);
		view.open.delete(i);
	}
};

/* ---- order and choice ---- */
const collate = new Intl.Collator('en', {numeric: true}).compare;
let byAddress;
const compare = (column) => {
	if (column === ADDRESS) {
		/* Comparing ten thousand names takes its time: once. */
		if (!byAddress) {
			byAddress = new Uint32Array(data.length);
			data.map((m, i) => i).sort((a, b) => collate(data[a][ADDRESS], data[b][ADDRESS])).forEach((i, rank) => { byAddress[i] = rank; });
		}
		return (a, b) => byAddress[a] - byAddress[b];
	}
	return (a, b) => data[a][column] - data[b][column] || a - b;
};
const matches = (i, parts) => {
	if (!searched) searched = [];
	const m = data[i];
	if (searched[i] === undefined)
		searched[i] = [m[ADDRESS], m[DESTINATION] || '', names[m[STATE]][1], words[m[MORE][0]], words[m[MORE][13]]].join('\n').toLowerCase();
	return parts.every((p) => searched[i].includes(p));
};
const isOf = (m, cause) => words[m[MORE][13]] === cause || m[LEFT].some((l) => words[l[0]] === cause);
let shown = '';
const render = () => {
	const parts = view.q.toLowerCase().split(/\s+/).filter(Boolean);
	let order = rows.map((r, i) => i), plain = !view.sort && !view.down && !view.touched;
	if (parts.length || view.s || view.c) {
		load();
		order = order.filter((i) => (!view.s || (view.s === 'open' ? !['complete', 'listed'].includes(names[data[i][STATE]][0]) :
			names[data[i][STATE]][0] === view.s)) && (!view.c || isOf(data[i], view.c)) && (!parts.length || matches(i, parts)));
	}
	if (!plain) {
		load();
		const by = compare(COLUMNS[view.sort]);
		order.sort(view.down ? (a, b) => by(b, a) : by);
	}
	const key = order.join();
	if (key !== shown) {
		for (const body of [...table.tBodies]) body.remove();
		for (let at = 0; at < order.length; at += CHUNK) {
			const body = document.createElement('tbody');
			for (const i of order.slice(at, at + CHUNK)) {
				body.append(rows[i]);
				if (detail.has(i)) body.append(detail.get(i));
			}
			table.append(body);
		}
		shown = key;
		/* The one that Tab reaches may be gone. */
		if (order.length && !focus.isConnected) tabTo(rows[order[0]]);
	}
	chip.hidden = !view.c;
	chip.textContent = 'Cause: ' + view.c;
	[...table.tHead.rows[0].cells].forEach((th, k) => {
		if (k === view.sort && !plain) th.setAttribute('aria-sort', view.down ? 'descending' : 'ascending');
		else th.removeAttribute('aria-sort');
	});
	result.textContent = order.length === rows.length ? number(rows.length) + ' mailboxes' : number(order.length) + ' of ' + number(rows.length) + ' mailboxes';
};

/* ---- tools ---- */
const search = make('input', {type: 'search', placeholder: 'Address, state, or words of the cause', 'aria-label': 'Filter the mailboxes', spellcheck: 'false', autocomplete: 'off'});
const state = make('select', {'aria-label': 'State'});
const result = make('output', {'aria-live': 'polite'});
const chip = make('button', {type: 'button', class: 'chip', 'aria-label': 'Show all causes again'});
const counts = {};
for (const r of rows) { const w = r.className.slice(2); counts[w] = (counts[w] || 0) + 1; }
const states = [...document.querySelectorAll('.legend li')].map((li) => [li.className.slice(2), li.querySelector('span').textContent]);
state.append(make('option', {value: ''}, 'All states'));
state.append(make('option', {value: 'open'}, 'Not complete'));
for (const [w, name] of states) state.append(make('option', {value: w}, name + ' (' + number(counts[w] || 0) + ')'));
table.before(make('div', {class: 'tools', role: 'search'}, search, state, chip, result));

let typing, typed = 0;
search.addEventListener('input', () => {
	typed = Date.now();
	clearTimeout(typing);
	typing = setTimeout(() => { view.q = search.value.trim(); render(); save(); }, 80);
});
chip.addEventListener('click', () => { view.c = ''; render(); save(); });
state.addEventListener('change', () => { view.s = state.value; render(); save(); });
[...table.tHead.rows[0].cells].forEach((th, k) => {
	const button = make('button', {type: 'button'}, ...th.childNodes);
	button.addEventListener('click', () => {
		const first = k > 1; /* numbers: the largest first */
		if (view.sort === k && view.touched) view.down = !view.down;
		else view.sort = k, view.down = first;
		view.touched = true;
		render();
		save();
	});
	th.append(button);
});

/* ---- rows as buttons: one of them is reached by Tab, the others by the arrows ---- */
const index = (tr) => +tr.id.slice(1);
rows.forEach((r, i) => {
	const b = r.firstElementChild.firstElementChild;
	r.classList.add('can-open');
	b.setAttribute('role', 'button');
	b.setAttribute('aria-expanded', 'false');
	b.tabIndex = i ? -1 : 0;
});
let focus = rows[0];
const rowOf = (e) => { const tr = e.target.closest('tr.can-open'); return tr && tr.closest('#boxes') ? tr : null; };
const tabTo = (tr) => {
	focus.querySelector('bdi').tabIndex = -1;
	tr.querySelector('bdi').tabIndex = 0;
	focus = tr;
};
table.addEventListener('focusin', (e) => {
	const tr = rowOf(e);
	if (tr && tr !== focus) tabTo(tr);
});
table.addEventListener('click', (e) => {
	const tr = rowOf(e);
	if (!tr || String(getSelection())) return;
	toggle(index(tr), !view.open.has(index(tr)));
	save();
});
table.addEventListener('keydown', (e) => {
	const tr = rowOf(e);
	if (!tr || e.altKey || e.ctrlKey || e.metaKey) return;
	if (e.key === 'Enter' || e.key === ' ') {
		toggle(index(tr), !view.open.has(index(tr)));
		save();
	} else if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
		const list = [...table.querySelectorAll('tr.can-open')], to = list[list.indexOf(tr) + (e.key === 'ArrowDown' ? 1 : -1)];
		if (to) to.querySelector('bdi').focus();
	} else {
		return;
	}
	e.preventDefault();
});
document.addEventListener('click', (e) => {
	const a = e.target.closest('a[href^="#m"], a[href^="#c="]');
	if (!a) return;
	if (a.hash.startsWith('#c=')) {
		e.preventDefault();
		view.c = decodeURIComponent(a.hash.slice(3));
		view.q = view.s = search.value = state.value = '';
		render();
		save();
		$('all').scrollIntoView();
		return;
	}
	const i = +a.getAttribute('href').slice(2);
	e.preventDefault();
	if (!rows[i].isConnected) { view.q = view.s = view.c = search.value = state.value = ''; render(); }
	toggle(i, true);
	rows[i].scrollIntoView({block: 'center'});
	rows[i].querySelector('bdi').focus({preventScroll: true});
	save();
});
for (const d of turnable) d.addEventListener('toggle', () => { if (!printing) save(); });

/* ---- paper: what is folded is opened ---- */
let printing = false;
const folded = [];
addEventListener('beforeprint', () => {
	printing = true;
	for (const d of document.querySelectorAll('details:not([open])')) { folded.push(d); d.open = true; }
});
addEventListener('afterprint', () => {
	for (const d of folded.splice(0)) d.open = false;
	setTimeout(() => { printing = false; }, 0);
});

/* ---- begin ---- */
const apply = () => {
	const p = restore();
	view.touched = p.has('sort');
	search.value = view.q;
	state.value = view.s;
	if (state.value !== view.s) view.s = state.value = '';
	render();
	for (const i of view.open) toggle(i, true);
	return p;
};
const p = apply();
if (p.has('y')) {
	history.scrollRestoration = 'manual';
	scrollTo(0, +p.get('y'));
	requestAnimationFrame(() => scrollTo(0, +p.get('y')));
	if (p.has('f')) search.focus({preventScroll: true});
	save();
}
if (live) {
	const again = () => {
		if (Date.now() - typed < 5000 || printing) { setTimeout(again, 2000); return; }
		save(scrollY);
		if (document.activeElement === search) history.replaceState(null, '', location.hash + '&f=1');
		location.reload();
	};
	setTimeout(again, RENEW);
	if (Date.now() / 1000 - made > STALE)
		document.querySelector('.asof').after(make('p', {class: 'notice', role: 'status'},
			'This page was last renewed ' + moment(made) + '. Nobody renews it any more: the copying was broken off, or runs on another machine.'));
}
})();
