"""Drives a headless Chromium over --remote-debugging-pipe (DevTools protocol, descriptors 3 and 4), for tests of pages.

with Browser() as b:
    b.open('/path/to/page.html')
    b.run('document.title')
b.trouble: what a clean page has none of (errors, console messages, dialogs, requests other than for the page itself).
"""
import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time

PROGRAMS = ('chromium', 'chromium-browser', 'google-chrome')


def program():
    """Where the browser is, or None."""
    return next((p for p in map(shutil.which, PROGRAMS) if p), None)


class Browser:
    def __init__(self, width=1280, height=900, timeout=120):
        self.timeout, self.last, self.answers, self.buffer = timeout, 0, {}, b''
        self.trouble, self.loaded, self.allowed = [], False, None
        self.profile = tempfile.mkdtemp(prefix='mbhaul-browser.')
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # Out of the way of 3 and 4, which they become.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (theirs_in, theirs_out)]
        log = os.open(os.path.join(self.profile, 'log'), os.O_WRONLY | os.O_CREAT, 0o600)
        arguments = [program(), '--headless=new', '--remote-debugging-pipe', '--user-data-dir=' + self.profile, '--no-first-run',
                     '--no-default-browser-check', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking',
                     '--disable-component-update', '--disable-sync', '--disable-extensions', '--hide-scrollbars', '--mute-audio', 'about:blank']
        if os.geteuid() == 0:
            arguments.insert(1, '--no-sandbox')
        environment = {k: v for k, v in os.environ.items() if k in ('PATH', 'HOME', 'TZ', 'LANG', 'LC_ALL', 'TMPDIR', 'XDG_RUNTIME_DIR')}
        self.pid = os.posix_spawn(arguments[0], arguments, environment, file_actions=[
            (os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
            setpgroup=0)
        for fd in (theirs_in, theirs_out, log, *high):
            os.close(fd)
        self.r, self.w = ours_in, ours_out
        self.session = None
        target = self.send('Target.createTarget', url='about:blank')['targetId']
        self.session = self.send('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self.send(domain + '.enable')
        self.size(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.pid:
            try:
                self.send('Browser.close')
            except (OSError, RuntimeError, TimeoutError):
                pass
            end = time.monotonic() + 10
            while time.monotonic() < end and os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
            else:
                if time.monotonic() >= end:
                    os.killpg(self.pid, signal.SIGKILL)
                    os.waitpid(self.pid, 0)
            self.pid = 0
            os.close(self.r)
            os.close(self.w)
        shutil.rmtree(self.profile, ignore_errors=True)

    # ---- the protocol ----
    def send(self, method, **parameters):
        self.last += 1
        message = {'id': self.last, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.w, data):]
        self.until(lambda: self.last in self.answers, method)
        answer = self.answers.pop(self.last)
        if 'error' in answer:
            raise RuntimeError('%s: %s' % (method, answer['error'].get('message')))
        return answer['result']

    def until(self, done, what, timeout=None):
        end = time.monotonic() + (timeout or self.timeout)
        while not done():
            if not select.select([self.r], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(what)
            data = os.read(self.r, 1 << 20)
            if not data:
                raise RuntimeError('the browser has ended: ' + open(os.path.join(self.profile, 'log'), errors='replace').read()[-1000:])
            *messages, self.buffer = (self.buffer + data).split(b'\0')
            for m in messages:
                self.take(json.loads(m))

    def take(self, m):
        if 'id' in m:
            self.answers[m['id']] = m
            return
        method, p = m['method'], m['params']
        if method == 'Page.loadEventFired':
            self.loaded = True
        elif method == 'Network.requestWillBeSent':
            url = p['request']['url']
            if url.split('#')[0] != self.allowed and not url.startswith('data:'):
                self.trouble.append('request: ' + url[:200])
        elif method == 'Runtime.exceptionThrown':
            d = p['exceptionDetails']
            self.trouble.append('exception: %s %s' % (d.get('text'), d.get('exception', {}).get('description', '')[:300]))
        elif method == 'Runtime.consoleAPICalled':
            self.trouble.append('console: ' + json.dumps([a.get('value', a.get('description')) for a in p['args']])[:300])
        elif method == 'Log.entryAdded':
            self.trouble.append('log: ' + p['entry']['text'][:300])
        elif method == 'Page.javascriptDialogOpening':
            self.trouble.append('dialog: ' + p['message'][:100])
            # Not waited for: this is called while another answer is.
            self.last += 1
            os.write(self.w, json.dumps({'id': self.last, 'method': 'Page.handleJavaScriptDialog', 'params': {'accept': False},
                                         'sessionId': self.session}).encode() + b'\0')

    # ---- what tests do ----
    def size(self, width, height, scale=1):
        self.send('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)

    def scheme(self, dark):
        self.send('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}])

    def scripts(self, on):
        self.send('Emulation.setScriptExecutionDisabled', value=not on)

    def open(self, path, fragment=''):
        """Seconds until it was loaded."""
        self.allowed = 'file://' + os.path.abspath(path)
        self.loaded = False
        begun = time.monotonic()
        self.send('Page.navigate', url='about:blank')
        self.until(lambda: self.loaded, 'about:blank')
        self.loaded, begun = False, time.monotonic()
        self.send('Page.navigate', url=self.allowed + fragment)
        self.until(lambda: self.loaded, path)
        return time.monotonic() - begun

    def run(self, script):
        """The value of an expression, promises awaited."""
        answer = self.send('Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(json.dumps(answer['exceptionDetails'])[:600])
        return answer['result'].get('value')

    def shot(self, path, whole=False, most=12000):
        parameters = {'format': 'png'}
        if whole:
            m = self.send('Page.getLayoutMetrics')['cssContentSize']
            parameters.update(captureBeyondViewport=True, clip={'x': 0, 'y': 0, 'width': m['width'], 'height': min(m['height'], most), 'scale': 1})
        with open(path, 'wb') as f:
            f.write(base64.b64decode(self.send('Page.captureScreenshot', **parameters)['data']))

    def pdf(self, path):
        with open(path, 'wb') as f:
            f.write(base64.b64decode(self.send('Page.printToPDF', printBackground=True, preferCSSPageSize=True)['data']))
