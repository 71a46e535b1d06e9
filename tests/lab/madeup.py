#!/usr/bin/env python3
"""Writes a made-up haul, for what reads one: mbhaul.conf, mailboxes.csv and haul/ with a ledger for each mailbox, in all
states, with folders, passes, histories, uncopied messages and verifications. No server has ever seen any of it.

usage: madeup.py DIR [--mailboxes N] [--folders N] [--hostile] [--live] [--damaged] [--unverified] [--seed N] [--hours N]

  --live      some mailboxes are being copied (nobody holds their locks: whoever needs that takes them)
  --hostile   the first mailboxes have content that wants to break out of a page, a spreadsheet or a terminal
  --damaged   one status.json and one verify.json cannot be read
"""
import argparse
import json
import os
import random
import time

ACTIVE = ('copying', 'looking', 'checking')
FIRST = '''Alice Bruno Chloé Dario Élodie Fabien Giulia Hannah Ivan Jana Karl Léa Marco Nadia Olivier Petra Quentin Rosa Samuel
Tamara Urs Valérie Walter Xenia Yann Zoé'''.split()
LAST = '''Ammann Berger Conti Dubois Egger Favre Girard Huber Imhof Jäggi Keller Lombardi Meier Nguyen Oberli Perrin Quadri
Rossi Schmid Tanner Uhlmann Vogel Weber Xu Yilmaz Zbinden'''.split()
FOLDERS = '''INBOX|Sent Items>Sent|Deleted Items>Trash|Drafts|Junk Email>Junk|Archive|Projects|Projects/2023|Projects/2024|Projects/2025
Customers|Customers/Acme|Customers/Migros|Customers/SBB|Invoices|Invoices/Open|Invoices/Paid|Travel|Newsletters|Private
Team|Team/Minutes|Suppliers|Legal|Applications|Press|Board|Facilities|Training|Events'''.replace('\n', '|').split('|')
SUBJECTS = ['Offer for the spring campaign', 'Re: contract, second draft', 'Minutes of Tuesday', 'Fwd: photos of the site (large)',
            'Übergabe der Schlüssel', 'Votre facture nº 20417', 'Invitation: quarterly review', 'AW: Rückfrage zur Lieferung']

SCRIPT = '<script>window.pwned=1</script>'
HOSTILE = [
    SCRIPT, '</script><script>window.pwned=2</script>', '<img src=x onerror="window.pwned=3">', '"><svg onload=window.pwned=4>',
    "' onmouseover='window.pwned=5", '<!--<script>window.pwned=6', ']]><b>bold</b>&amp;&#60;', '</title></style></textarea><h1>H1</h1>',
    '=HYPERLINK("https://evil.example/","click")', '@SUM(1+1)*cmd|\' /C calc\'!A0', '+41 22 555', '-2+3', '\t=1+1',
    'a\x1b[31mred\x1b]0;title\x07\r\nFAKE: line\x00'.replace('\x00', '\x01'), '\u202egpj.exe\u202c \u2066isolated\u2069 \u200fRTL\u200e',
    '\u2028line\u2029paragraph\ufeff\u200b', 'x' * 10000, 'Z' + '\u0300\u0301\u0302' * 500, '\U0001f469\u200d\U0001f680 rocket',
    'javascript:window.pwned=7', '{{constructor.constructor("window.pwned=8")()}}', '${window.pwned=9}', '`onclick=window.pwned=10`',
    'العربية עברית', '<meta http-equiv=refresh content=0;url=https://evil.example/>', '<base href=//evil.example/>',
    '<a href=https://evil.example/ style=position:fixed;inset:0>cover</a>', '<iframe src=//evil.example></iframe>',
    '<link rel=stylesheet href=//evil.example/x.css><style>@import "//evil.example/y.css";</style>',
]
HOSTILE_ADDRESSES = [ # what mailboxes.csv lets through
    "o'brien&amp@contoso.com", '=cmd|a@contoso.com', '+1@contoso.com', "'onclick='window.pwned=11'@contoso.com", 'müller&copy@contoso.com',
    'a' * 64 + '@' + 'b' * 240 + '.contoso.com', '${7*7}{{7*7}}`@contoso.com', 'עברית.ابجد@contoso.com', '&#60img&#62@contoso.com',
]

REFUSALS = [ # state, code, reason, verdict, side, text, hint, answer
    ('refused', 77, 'auth-source', 'not-granted', 'source', 'the application has no right to the mailbox, or {a} is not the address of a mailbox',
     'the customer\'s administrator, in Exchange Online PowerShell: Get-MailboxPermission -Identity {a}; Add-MailboxPermission -Identity '
     '{a} -User 9f1c6a10-0000-4000-8000-0000000000aa -AccessRights FullAccess -AutoMapping $false', 'A1 NO AUTHENTICATE failed.'),
    ('refused', 77, 'not-connected', 'imap-off-or-not-granted', 'source', 'the login is accepted and the mailbox refused. Most likely the '
     'application has no right to it; else IMAP is off for it', 'the customer\'s administrator, in Exchange Online PowerShell: '
     'Set-CASMailbox -Identity {a} -ImapEnabled $true', 'A2 BAD User is authenticated but not connected.'),
    ('refused', 77, 'overquota', 'destination-full', 'destination', 'the destination mailbox is full (2.0 GB of 2.0 GB)',
     'whoever runs the destination gives the mailbox more room', 'A9 NO [OVERQUOTA] Quota exceeded (mailbox for user is full)'),
    ('refused', 77, 'auth-destination', 'destination-password', 'destination', 'the destination refuses the login of {a}',
     'whoever runs the destination: set the password of {a} anew', 'A1 NO [AUTHENTICATIONFAILED] Authentication failed.'),
    ('later', 75, 'throttled', 'throttled', 'source', 'the source wants a pause', 'nothing need be done', 'BAD Request is throttled. '
     'Suggested Backoff Time: 298640 milliseconds'),
    ('later', 75, 'dropped', 'unavailable', 'source', 'the connection to the source ended: dropped', 'such faults pass by themselves', ''),
    ('failed', 69, 'tls', 'tls', 'destination', 'the certificate of mail.example.com is not accepted', 'look at ca-file in [destination]', ''),
]
KINDS = [
    ('refused', 'the destination refused it: NO [TOOBIG] message exceeds 50 MB', 61),
    ('unreadable', 'the source answers without the message\'s text: an item that it cannot render', 0.2),
    ('stub', 'the source gave a stub in its place: an item that it cannot render; the stub was copied', 0.01),
    ('no-header', 'its header has no end, and mbsync 1.4 leaves such messages out', 0.1),
    ('lost', 'the destination said that it took it, and does not have it', 1),
]
CLASSES = ['missing', 'changed', 'new', 'refused', 'unreadable', 'removed', 'double']
ACTIONS = {
    'missing': 'run `mbhaul sync` for the mailbox again', 'changed': 'compare the two by hand', 'new': 'run `mbhaul sync` once more',
    'refused': 'save it from Outlook, or raise the limit at the destination', 'unreadable': 'open it in Outlook and save it there',
    'removed': 'somebody deleted it at the destination; nothing need be done', 'double': 'delete one of the two by hand',
}


def haul_name(address):
    name = ''.join(chr(b) if chr(b).isalnum() and b < 128 or chr(b) in '@._-+' else '%%%02X' % b
                   for b in ''.join(c.lower() if c.isascii() else c for c in address).encode())
    if len(name) <= 255:
        return name
    h = 14695981039346656037
    for c in name.encode():
        h = (h ^ c) * 1099511628211 % 2 ** 64
    return '%s~%016x' % (name[:200], h)


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='utf-8', newline='') as f:
        f.write(text)


def put(path, value):
    write(path, json.dumps({k: v for k, v in value.items() if v not in (0, '', None)}, ensure_ascii=False, indent='\t'))


class Haul:
    def __init__(self, o):
        self.o, self.now, self.r = o, o.now or int(time.time()), random.Random(o.seed)
        self.begin = self.now - int(o.hours * 3600)
        self.boxes = os.path.join(o.dir, 'haul', 'mailboxes')

    def message(self, i, kind, reason, mb):
        r = self.r
        m = {'folder': FOLDERS[i % 6].split('>')[0], 'uid': r.randrange(1, 60000), 'size': int(mb * 1e6 * r.uniform(.9, 1.2)),
             'date': time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime(self.begin - r.randrange(10 ** 8))),
             'from': '%s %s <info%d@example.org>' % (r.choice(FIRST), r.choice(LAST), i), 'subject': r.choice(SUBJECTS),
             'message_id': '<%x@example.org>' % r.getrandbits(64), 'reason': reason, 'kind': kind}
        if self.hostile:
            m.update(folder=HOSTILE[(i + self.hostile) % len(HOSTILE)], subject=HOSTILE[i % len(HOSTILE)],
                     reason=HOSTILE[(i + 3) % len(HOSTILE)], **{'from': HOSTILE[(i + 7) % len(HOSTILE)], 'date': HOSTILE[(i + 11) % len(HOSTILE)],
                                                                'message_id': HOSTILE[(i + 13) % len(HOSTILE)]})
        return m

    def history(self, begun, ended, messages, size):
        """Slices of a width that fits, some of them throttled."""
        r = self.r
        span = max(60, ended - begun)
        width = next(w for w in (60, 300, 900, 3600, 21600, 86400) if span / w <= 120 or w == 86400)
        first = begun - begun % width
        n = (ended - first) // width + 1
        weights = [r.uniform(.4, 1.6) for _ in range(n)]
        total, slices, left, left_b = sum(weights), [], messages, size
        for i, w in enumerate(weights):
            t = first + i * width
            m = left if i == n - 1 else min(left, round(messages * w / total))
            b = left_b if i == n - 1 else min(left_b, round(size * w / total))
            local = time.localtime(t).tm_hour
            slow = r.randrange(width // 3) if 8 <= local <= 17 and r.random() < .15 else 0
            left, left_b = left - m, left_b - b
            if m or b or slow:
                slices.append([t, m, b, slow])
        return {'width': width, 'slices': slices}

    def one(self, i, address, destination):
        r, o = self.r, self.o
        self.hostile = i if o.hostile and i < len(HOSTILE_ADDRESSES) + 20 else 0
        total = int(min(400000, r.lognormvariate(8.6, 1.1)))
        per = r.uniform(30e3, 120e3)
        names = FOLDERS[:o.folders] + ['Folder %03d' % k for k in range(len(FOLDERS), o.folders)]
        # Most people have folders that nobody else has.
        if i % 3:
            names = [n if k < 8 else '%s %d' % (n, i * 7919 % 100003) for k, n in enumerate(names)]
        if self.hostile:
            names = [n if k % 3 else HOSTILE[(k + i) % len(HOSTILE)] for k, n in enumerate(names)]
        shares = [r.paretovariate(1.1) for _ in names]
        folders = [{'source': n.split('>')[0], 'destination': n.split('>')[-1], 'messages': int(total * s / sum(shares))}
                   for n, s in zip(names, shares)]
        total = sum(f['messages'] for f in folders)
        size = int(total * per)

        dice = r.random()
        state = ('done' if dice < .965 else 'left' if dice < .984 else 'refused' if dice < .992 else 'later' if dice < .996
                 else 'new' if dice < .998 else 'failed')
        if o.mailboxes < 60:  # a small haul has a bit of everything
            state = {1: 'left', 4: 'refused', 7: 'later', 9: 'refused', 11: 'left'}.get(i, 'done')
        if o.live and (r.random() < .4 or i % 7 == 5):
            state = 'running' if i % 5 == 0 or o.mailboxes < 60 else 'new'
        if self.hostile:
            state = ['left', 'refused', 'done', 'later', 'failed', 'running', 'left'][i % 7]
        ledger = {'version': 1, 'address': address, 'destination': destination, 'state': state, 'mbsync': '1.4.4' if i % 9 else '1.5.1'}
        if state == 'new':
            if i % 2:
                return None, total, size
            return ledger, total, size
        # As a queue does it: one after the other, over the time.
        frac = (i + r.random()) / o.mailboxes
        begun = int(self.begin + (self.now - self.begin) * frac * .86)
        took = int(60 + size / r.uniform(2e6, 8e6))
        ended = min(begun + took, self.now - 60)
        done = {'done': 1.0, 'left': 1.0, 'running': r.uniform(.1, .9), 'later': r.uniform(.2, .9)}.get(state, r.choice([0, 0, .3]))
        if state == 'running':
            begun, ended = self.now - r.randrange(600, 5400), self.now
        left = []
        if state == 'left' or self.hostile:
            for k in range(r.choice([1, 1, 2, 3, 5, 12]) if not self.hostile else len(HOSTILE)):
                kind, reason, mb = KINDS[(k + i) % len(KINDS)]
                left.append(self.message(k, kind, reason, mb))
        for f in folders:
            f['copied'] = int(f['messages'] * done)
        copied = sum(f['copied'] for f in folders)
        if left:
            gap = min(len(left), copied)
            copied -= gap
            folders[0]['copied'] = max(0, folders[0]['copied'] - gap)
        passes = [{'begun': begun, 'ended': ended, 'messages': copied, 'bytes': int(copied * per), 'code': {'left': 1}.get(state, 0)}]
        for k in range(r.choice([0, 0, 1, 2, 5])):
            t = passes[-1]['ended'] + r.randrange(1800, 20000)
            if t < self.now - 300 and state != 'running':
                passes.append({'begun': t, 'ended': t + r.randrange(5, 240), 'messages': r.randrange(40), 'bytes': r.randrange(10 ** 6),
                               'code': passes[0]['code']})
        ledger.update(first=begun, started=passes[-1]['begun'], updated=passes[-1]['ended'], finished=passes[-1]['ended'], messages=total,
                      copied=copied, bytes=passes[-1]['bytes'], bytes_source=size, bytes_copied=int(copied * per))
        if state in ('done', 'left'):
            ledger.update(completed=ended, reason=state, code=1 if state == 'left' else 0, text='%d messages copied' % copied)
        if state == 'running':
            ledger.update(doing=ACTIVE[i % 3], folder=folders[0]['source'], rate=int(r.uniform(1e6, 9e6)), left_s=r.randrange(60, 9000))
            ledger['finished'] = 0
            passes.pop()
        if state in ('refused', 'later', 'failed'):
            kinds = [x for x in REFUSALS if x[0] == state]
            _, code, reason, verdict, side, text, hint, answer = kinds[i % len(kinds)]
            ledger.update(code=code, reason=reason, verdict=verdict, side=side, text=text.format(a=address), hint=hint.format(a=address),
                          answer=answer, next=self.now + 900 if state == 'later' else 0)
            for p in passes:
                p['code'] = code
            if self.hostile:
                ledger.update(text=HOSTILE[i % len(HOSTILE)], hint=HOSTILE[(i + 1) % len(HOSTILE)], answer=HOSTILE[(i + 2) % len(HOSTILE)])
        ledger.update(uncopied_messages=len(left), folders=folders, uncopied=left,
                      doubles=[{'folder': 'INBOX', 'uid': 77, 'twin': 70, 'subject': r.choice(SUBJECTS)}] if i % 97 == 96 else [],
                      passes=passes, history=self.history(begun, ended, copied, int(copied * per)))
        ledger['double_messages'] = len(ledger['doubles'])
        if not o.unverified and state in ('done', 'left') and (i % 11 or self.hostile):
            self.verify(i, ledger, per)
        return ledger, total, size

    def verify(self, i, ledger, per):
        r = self.r
        method = 'deep' if i % 50 == 1 else 'sample' if i % 5 == 0 else 'uids'
        rows = [{'class': 'refused' if m['kind'] in ('refused', 'no-header') else 'unreadable', 'action': ACTIONS['refused'],
                 **{k: m[k] for k in ('folder', 'uid', 'date', 'from', 'subject', 'message_id', 'size', 'reason')}}
                for m in ledger['uncopied']]
        verdict = 'listed' if rows else 'complete'
        if i % 301 == 17 or self.hostile:
            for k, c in enumerate(CLASSES):
                m = self.message(k, c, 'found by comparing both sides', .2)
                del m['kind']
                rows.append(dict(m, **{'class': c, 'action': HOSTILE[k] if self.hostile else ACTIONS[c]}))
            verdict = 'incomplete'
        counts = {}
        for row in rows:
            counts[row['class']] = counts.get(row['class'], 0) + 1
        reason = ''
        if i % 401 == 23:
            verdict, reason = 'unverifiable', 'uidvalidity'
        v = {'version': 1, 'address': ledger['address'], 'destination': ledger['destination'], 'verdict': verdict,
             'code': 0 if verdict == 'complete' else 78 if reason else 1, 'reason': reason, 'text': 'a source folder was made anew' if reason else '',
             'hint': 'run `mbhaul sync` for it first' if reason else '', 'verified': ledger['finished'] + 600, 'took_ms': 900 + i % 700,
             'method': method, 'messages': ledger['messages'], 'bytes': ledger['bytes_source'],
             'arrived': ledger['messages'] - len(rows), **{k + ('s' if k == 'double' else ''): n for k, n in counts.items()},
             'compared': 400 if method == 'sample' else ledger['messages'] if method == 'deep' else 0,
             'at_most': int(ledger['messages'] * .0075) if method == 'sample' else 0, 'rows': len(rows),
             'folders': [dict(source=f['source'], destination=f['destination'], fate='copy', messages=f['messages'], arrived=f['copied'])
                         for f in ledger['folders']]}
        where = os.path.join(self.boxes, haul_name(ledger['address']))
        os.makedirs(where, exist_ok=True)
        put(os.path.join(where, 'verify.json'), v)
        write(os.path.join(where, 'verify.jsonl'), ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows))

    def build(self):
        o = self.o
        os.makedirs(self.boxes, mode=0o700, exist_ok=True)
        os.chmod(os.path.join(o.dir, 'haul'), 0o700)
        checks, table = [], ['Email,Destination']
        for i in range(o.mailboxes):
            a, b = FIRST[i % len(FIRST)], LAST[(i // len(FIRST) + i) % len(LAST)]
            address = '%s.%s%s@contoso.com' % (a.lower(), b.lower(), i // 676 or '')
            if o.hostile and i < len(HOSTILE_ADDRESSES):
                address = HOSTILE_ADDRESSES[i]
            destination = address if i % 4 else address.replace('@contoso.com', '@example.com')
            table.append('"%s","%s"' % (address, destination))
            ledger, total, size = self.one(i, address, destination)
            checks.append({'version': 1, 'address': address, 'destination': destination, 'verdict': 'ready', 'outcome': 'ready', 'code': 0,
                           'checked': self.begin - 3600, 'source': {'folders': o.folders, 'messages': total, 'bytes': size, 'bytes_exact': False}})
            if ledger is None:
                continue
            where = os.path.join(self.boxes, haul_name(address))
            os.makedirs(where, exist_ok=True)
            put(os.path.join(where, 'status.json'), ledger)
            write(os.path.join(where, 'lock'), '')
            if o.damaged and i == 2:
                write(os.path.join(where, 'status.json'), '{"version": 1, "state": "do')
            if o.damaged and i == 3:
                write(os.path.join(where, 'verify.json'), 'no JSON at all')
        write(os.path.join(o.dir, 'haul', 'check.jsonl'), ''.join(json.dumps(c, ensure_ascii=False, separators=(',', ':')) + '\n' for c in checks))
        write(os.path.join(o.dir, 'mailboxes.csv'), '\ufeff' + '\r\n'.join(table) + '\r\n')
        write(os.path.join(o.dir, 'contoso.secret'), 'this-is-the-client-secret\n')
        write(os.path.join(o.dir, 'mbhaul.conf'), '''[profile contoso]
tenant     = contoso.onmicrosoft.com
client-id  = 11111111-2222-3333-4444-555555555555
credential = secret-file contoso.secret

[source]
profile = contoso

[destination]
host = mail.example.com
password-file = passwords/%a

[folders]
exclude = Projects/Old
map     = Gesendete Elemente -> Sent

[fleet]
jobs = 8
''')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('dir')
    p.add_argument('--mailboxes', type=int, default=12)
    p.add_argument('--folders', type=int, default=20)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--hours', type=float, default=44)
    p.add_argument('--now', type=int)
    for name in ('hostile', 'live', 'damaged', 'unverified'):
        p.add_argument('--' + name, action='store_true')
    o = p.parse_args()
    Haul(o).build()


if __name__ == '__main__':
    main()
