#!/usr/bin/env python3
"""Looks at report.html in a browser: is everything there, does it do what it should, and nothing else? Prints ok/not ok.

usage: report_page.py page HAUL_DIR    (a made-up haul, 60 mailboxes and more)
       report_page.py hostile HAUL_DIR
       report_page.py live HAUL_DIR
       report_page.py times HAUL_DIR   (how long a browser takes for it)
"""
import csv
import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser  # noqa: E402

failed = 0


def check(name, good, more=''):
    global failed
    print('%s - %s' % ('ok' if good else 'not ok', name))
    if not good:
        failed = 1
        print('  # ' + str(more)[:1000])


def results(haul):
    with open(os.path.join(haul, 'results.csv'), encoding='utf-8-sig', newline='') as f:
        return list(csv.DictReader(f))


ROWS = '[...document.querySelectorAll("#boxes > tbody > tr[id]")]'
ADDRESSES = ROWS + '.map(r => r.cells[0].textContent)'
PAUSE = 'new Promise(r => setTimeout(r, 200))'
CUT = '''[...document.querySelectorAll("svg.wide text, svg.narrow text")].filter(t => {
    const r = t.getBoundingClientRect(), s = t.ownerSVGElement.getBoundingClientRect();
    return s.width && (r.left < s.left - 1 || r.right > s.right + 1); }).map(t => t.textContent)'''
CLICK = 'document.querySelectorAll("#boxes > thead button")[%d].click()'


def choose(b, text='', state=''):
    b.run('''(() => { const i = document.querySelector(".tools input"), s = document.querySelector(".tools select");
        i.value = %s; i.dispatchEvent(new Event("input")); s.value = %s; s.dispatchEvent(new Event("change")); })()'''
          % (json.dumps(text), json.dumps(state)))
    b.run(PAUSE)


def sorting(b, rows):
    keys = [('Messages', 2), ('Copied', 3), ('Bytes', 4), ('NotCopied', 5), ('LastChange', 7)]
    for name, column in keys:
        b.run(CLICK % column)
        got = b.run(ADDRESSES)
        value = {r['Email']: r[name] if name == 'LastChange' else int(r[name] or 0) for r in rows}
        down = [value[a] for a in got]
        check('sorted by %s, the largest first' % name, down == sorted(down, reverse=True) and len(got) == len(rows), down[:20])
        b.run(CLICK % column)
        up = [value[a] for a in b.run(ADDRESSES)]
        check('... and the other way round', up == sorted(up), up[:20])
        check('... and a screen reader is told', b.run('document.querySelectorAll("#boxes > thead th")[%d].getAttribute("aria-sort")' % column)
              == 'ascending' and b.run('document.querySelectorAll("#boxes [aria-sort]").length') == 1)
    b.run(CLICK % 0)
    got = b.run(ADDRESSES)
    check('sorted by address', got == b.run('%s.sort(new Intl.Collator("en", {numeric: true}).compare)' % ADDRESSES), got[:10])
    for column in (1, 6):
        b.run(CLICK % column)
        cells = b.run(ROWS + '.map(r => r.cells[%d].textContent)' % column)
        groups = [c for i, c in enumerate(cells) if not i or cells[i - 1] != c]
        check('sorted by column %d: what is equal stands together' % (column + 1), len(set(groups)) == len(groups), groups)


def filtering(b, rows):
    word = rows[0]['Email'].split('.')[0]
    choose(b, word)
    want = {r['Email'] for r in rows if word in (r['Email'] + r['Destination']).lower()}
    got = set(b.run(ADDRESSES))
    check('a filter by text shows those rows', want <= got and len(got) < len(rows), (want, got))
    check('... of which Tab reaches one', b.run(ROWS + '.filter(r => r.querySelector("bdi").tabIndex === 0).length') == 1)
    for state in sorted({r['State'] for r in rows}):
        choose(b, '', state)
        check('a filter by the state %s shows those rows' % state,
              sorted(b.run(ADDRESSES)) == sorted(r['Email'] for r in rows if r['State'] == state))
    choose(b, 'no such address')
    check('a filter that fits nothing shows nothing', b.run(ADDRESSES) == [] and '0 of' in b.run('document.querySelector(".tools output").textContent'))
    choose(b)
    check('without a filter all are back', len(b.run(ADDRESSES)) == len(rows))


def opening(b, data):
    by = {m['address']: m for m in data['mailboxes']}
    box = next(m for m in data['mailboxes'] if m['uncopied'] and m['folders'])
    for how in ('click()', 'dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}))'):
        i = list(by).index(box['address'])
        b.run('document.querySelector("#m%d bdi").%s' % (i, how))
        text = b.run('document.querySelector("#m%d + tr.opened")?.textContent' % i) or ''
        check('a row opens to its folders', all(f['source'] in text and f['destination'] in text for f in box['folders']), text)
        check('... and its messages', all(m['subject'] in text and m['reason'] in text for m in box['uncopied']), text)
        check('... and says so to a screen reader', b.run('document.querySelector("#m%d bdi").getAttribute("aria-expanded")' % i) == 'true')
        b.run('document.querySelector("#m%d bdi").%s' % (i, how))
        check('... and closes', b.run('document.querySelectorAll("tr.opened").length') == 0)
    b.run(ROWS + '[0].querySelector("bdi").focus()')
    b.run('document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}))')
    check('the arrow keys go from row to row', b.run('document.activeElement.closest("tr").id') == b.run(ROWS + '[1].id'))
    b.run('document.querySelector(".boxes a[href^=\\"#m\\"]").click()')
    check('the address of a cause opens its row', b.run('document.querySelectorAll("tr.opened").length') == 1)


def keeping(b, page):
    """What a renewal must not lose."""
    b.open(page)
    b.run(CLICK % 2)
    choose(b, '', 'complete')
    b.run(ROWS + '[2].querySelector("bdi").click(); document.querySelector("details.cause > summary").click(); "";')
    b.run(PAUSE)
    b.run('scrollTo(0, 900)')
    check('the address says which cause was folded, and not which place it had', '&d=c-' in b.run('location.hash'), b.run('location.hash'))
    before = b.run(ADDRESSES), b.run('document.querySelector("tr.opened").previousSibling.id'), b.run('document.querySelector("details.cause").open')
    b.loaded = False
    b.run('location.reload()')
    b.until(lambda: b.loaded, 'reload')
    after = b.run(ADDRESSES), b.run('document.querySelector("tr.opened")?.previousSibling.id'), b.run('document.querySelector("details.cause").open')
    check('a renewed page keeps sort, filter, and what is open', before == after, (before, after))


def quiet(b, name):
    check(name + ': no error, no message, no dialog, no request', not b.trouble, b.trouble)
    b.trouble.clear()


def without_scripts(b, page, rows, data):
    b.scripts(False)
    b.open(page)
    text = b.run('document.body.innerText')
    check('without scripts: the headline', re.search(r'\d+ of \d+ mailboxes? (is|are) complete', text) is not None, text[:200])
    check('without scripts: every mailbox is in the table', b.run(ADDRESSES) == [r['Email'] for r in rows])
    groups = b.run('document.querySelectorAll("details.cause").length')
    whole = b.run('document.body.textContent')
    check('without scripts: the causes, and the messages of each', groups >= 3 and all(
        m['subject'] in whole and m['reason'] in whole for box in data['mailboxes'][:12] for m in box['uncopied']), groups)
    check('without scripts: five pictures', b.run('[...document.querySelectorAll("svg.wide")].filter(s => s.getBoundingClientRect().height > 50).length') >= 5)
    check('without scripts: no control that does nothing', b.run('document.querySelectorAll("input, select, button").length') == 0)
    b.scripts(True)


def looks(b, page):
    colours = set()
    for dark in (False, True):
        b.scheme(dark)
        b.open(page)
        colours.add(b.run('getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color'))
    check('light and dark differ', len(colours) == 2, colours)
    b.scheme(False)
    for width in (320, 390, 768, 1280, 1920):
        b.size(width, 900)
        b.open(page)
        b.run('document.querySelectorAll("details").forEach(d => d.open = true); document.querySelector("#m1 bdi").click(); ""')
        wide = b.run('document.documentElement.scrollWidth')
        check('at %d pixels no text of a picture is cut' % width, (cut := b.run(CUT)) == [], cut)
        check('%d px wide: nothing sticks out' % width, wide <= width, wide)
        if width < 620:
            check('at %d pixels a folder stands before its numbers' % width, b.run('''[...document.querySelectorAll("tr.opened .list:not(.left) tr")]
                .every(r => r.cells[0].getBoundingClientRect().right <= r.cells[2].getBoundingClientRect().left + 1)'''))
    b.size(1280, 900)
    check('every picture has a title and a description', b.run(
        '[...document.querySelectorAll("svg[role=img]")].every(s => s.querySelector("title").textContent && s.querySelector("desc").textContent)'))
    check('no id stands twice', b.run('(() => { const ids = [...document.querySelectorAll("[id]")].map(e => e.id); return ids.length === new Set(ids).size })()'))
    with tempfile.TemporaryDirectory() as d:
        b.pdf(os.path.join(d, 'x.pdf'))
        with open(os.path.join(d, 'x.pdf'), 'rb') as f:
            pdf = f.read()
        check('it can be printed', pdf.startswith(b'%PDF') and len(pdf) > 20000, len(pdf))


def page(b, haul):
    path = os.path.join(haul, 'report.html')
    rows = results(haul)
    with open(os.path.join(haul, 'results.json'), encoding='utf-8') as f:
        data = json.load(f)
    b.open(path)
    quiet(b, 'as it opens')
    check('the table is in the order of the list', b.run(ADDRESSES) == [r['Email'] for r in rows])
    sorting(b, rows)
    filtering(b, rows)
    opening(b, data)
    keeping(b, path)
    quiet(b, 'in use')
    without_scripts(b, path, rows, data)
    looks(b, path)
    quiet(b, 'afterwards')
    check('a finished page does not renew itself', b.run('document.querySelectorAll("noscript, meta[http-equiv=refresh]").length') == 0)


def hostile(b, haul):
    path = os.path.join(haul, 'report.html')
    b.open(path)
    tags = b.run('[...new Set([...document.querySelectorAll("*")].map(e => e.localName))].sort()')
    b.run('document.querySelectorAll("details").forEach(d => d.open = true); document.querySelectorAll("#boxes > tbody > tr bdi").forEach(e => '
          'e.closest("tr[id]") && e.click()); ""')
    b.run(PAUSE)
    after = b.run('[...new Set([...document.querySelectorAll("*")].map(e => e.localName))].sort()')
    for what in (tags, after):
        check('hostile content made no element', not set(what) & {'img', 'iframe', 'base', 'link', 'object', 'embed', 'textarea', 'form', 'input', 'h4'}
              - {'input'} and b.run('document.querySelectorAll("script").length') == 2 and b.run('document.querySelectorAll("style").length') == 1, what)
    check('... and no attribute that runs', b.run('[...document.querySelectorAll("*")].every(e => [...e.attributes].every(a => '
                                                  '!a.name.startsWith("on") && a.name !== "style" && a.name !== "src"))'))
    check('... and no link that leads away', b.run('[...document.querySelectorAll("[href]")].every(e => e.getAttribute("href").startsWith("#"))'))
    check('... and no heading', b.run('document.querySelectorAll("h1").length') == 1 and 'H1' not in b.run('document.querySelector("h1").textContent'))
    check('... and no script ran', b.run('window.pwned') is None)
    text = b.run('document.documentElement.textContent')
    check('subjects with markup stand there as text', all(x in text for x in (
        '<script>window.pwned=1</script>', '<img src=x onerror="window.pwned=3">', '</title></style></textarea><h1>H1</h1>')))
    check('nothing is invisible, or turns the direction', b.run(
        r'!/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(document.querySelector("main").textContent)'))
    check('... and is shown instead', '[U+202E]gpj.exe[U+202C]' in text)
    check('10,000 characters are cut', 'x' * 2001 not in text and 'x' * 100 + '\u2026' in text)
    check('a damaged file is named', 'is damaged' in b.run('document.body.innerText'))
    for width in (390, 1280):
        b.size(width, 900)
        wide = b.run('document.documentElement.scrollWidth')
        check('%d px wide: nothing hostile sticks out' % width, wide <= width, wide)
    quiet(b, 'hostile content')
    # The second line of defence: a script that got into the page would not run.
    b.run('document.body.append(Object.assign(document.createElement("script"), {textContent: "window.pwned = 99"})); '
          'document.body.append(Object.assign(document.createElement("img"), {src: "https://evil.example/x.png"})); ""')
    b.run(PAUSE)
    check('the policy keeps a foreign script and a foreign image out', b.run('window.pwned') is None and
          any('Content Security Policy' in t for t in b.trouble) and not any(t.startswith('request: ') and 'blocked' not in t and 'evil' not in t for t in b.trouble),
          b.trouble)
    b.trouble.clear()


def live(b, haul):
    path = os.path.join(haul, 'report.html')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    check('a live page says that it renews itself', 'renews itself every minute' in text)
    check('... without scripts too', '<noscript><meta http-equiv=refresh content=60></noscript>' in text)
    check('... and gives an estimate, as a dashed line', 'class="line estimate"' in text and 'Estimate:' in text)
    # The same page with a shorter minute.
    with tempfile.TemporaryDirectory() as d:
        short = os.path.join(d, 'report.html')
        with open(short, 'w', encoding='utf-8') as f:
            f.write(text.replace('RENEW = 60000', 'RENEW = 1500'))
        b.open(short)
        b.run('document.querySelectorAll("#boxes > thead button")[2].click(); ' + ROWS + '[1].querySelector("bdi").click(); scrollTo(0, 700); window.old = 1')
        before = b.run(ADDRESSES)[:5]
        b.until(lambda: b.loaded is True, 'load')
        b.loaded = False
        b.until(lambda: b.loaded, 'the page to renew itself')
        b.run(PAUSE)
        check('it renews itself, and keeps sort, open rows and place', b.run('window.old') is None and b.run(ADDRESSES)[:5] == before and
              b.run('document.querySelectorAll("tr.opened").length') == 1 and abs(b.run('scrollY') - 700) < 60,
              (b.run('window.old'), b.run('scrollY'), before, b.run(ADDRESSES)[:5]))
        with open(short, 'w', encoding='utf-8') as f:
            f.write(re.sub(r'data-made=\d+', 'data-made=%d' % (time.time() - 1000), text))
        b.open(short)
        check('one that nobody renews any more says so', 'Nobody renews it' in b.run('document.body.innerText'))
    quiet(b, 'live')


def times(b, haul):
    path = os.path.join(haul, 'report.html')
    load = min(b.open(path) for _ in range(3))
    out = ['load %.2f s' % load]
    measure = '(async () => { const t = performance.now(); %s; await new Promise(r => requestAnimationFrame(() => setTimeout(r, 0))); return performance.now() - t })()'
    b.run(measure % (CLICK % 3))
    for name, column in (('messages', 2), ('address', 0), ('state', 1), ('address again', 0)):
        out.append('sort by %s %.0f ms' % (name, b.run(measure % (CLICK % column))))
    state = 'const s = document.querySelector(".tools select"); s.value = "%s"; s.dispatchEvent(new Event("change"))'
    out.append('filter by state %.0f ms' % b.run(measure % (state % 'listed')))
    out.append('show all again %.0f ms' % b.run(measure % (state % '')))
    out.append('filter by text %.0f ms (80 of them a pause for typing)' % b.run(
        '(async () => { const t = performance.now(), i = document.querySelector(".tools input"); i.value = "alice"; i.dispatchEvent(new Event("input")); '
        'while (!document.querySelector(".tools output").textContent.includes(" of ")) await new Promise(r => setTimeout(r, 1)); '
        'await new Promise(r => requestAnimationFrame(() => setTimeout(r, 0))); return performance.now() - t })()'))
    out.append('open a row %.0f ms' % b.run(measure % (ROWS + '[3].querySelector("bdi").click()')))
    print(', '.join(out))
    quiet(b, 'large')


def main():
    what, haul = sys.argv[1:]
    with Browser() as b:
        {'page': page, 'hostile': hostile, 'live': live, 'times': times}[what](b, haul)
    sys.exit(failed)


main()
