#include "driver/mbsyncrc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "driver/folders.h"
#include "driver/mutf7.h"

enum {
	/* config.c of both versions reads a line with fgets into 1023 bytes; a longer one would be read as
	   two. */
	LINE_BYTES_MAX = 1000,
	NAME_BYTES_MAX = 4096,
};

struct writer {
	struct buf *out;
	struct err *e;
	size_t line; /* where the line in progress begins */
	bool bad;
};

static void bad(struct writer *w, const char *what, const char *value)
{
	char shown[200];

	if (w->bad)
		return;
	w->bad = true;
	err_set(w->e, CODE_CONFIG, "mbsync cannot be told %s: %s", what,
	        text_escape(shown, sizeof(shown), value, strlen(value)));
}

static void end_line(struct writer *w)
{
	if (w->out->len - w->line > LINE_BYTES_MAX)
		bad(w, "in lines of 1000 bytes", buf_str(w->out) + w->line);
	buf_addc(w->out, '\n');
	w->line = w->out->len;
}

/* One argument, always in quotes, so that blanks and a leading # are part of it. */
static void argument(struct writer *w, const char *s)
{
	if (text_has_control(s, strlen(s)))
		bad(w, "a value with a control character", s);
	buf_addc(w->out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(w->out, '\\');
		buf_addc(w->out, *s);
	}
	buf_addc(w->out, '"');
}

/* Key "value" */
static void setting(struct writer *w, const char *key, const char *s)
{
	buf_addf(w->out, "%s ", key);
	argument(w, s);
	end_line(w);
}

static void number(struct writer *w, const char *key, int value)
{
	buf_addf(w->out, "%s %d", key, value);
	end_line(w);
}

static void plain(struct writer *w, const char *line)
{
	buf_adds(w->out, line);
	end_line(w);
}

/* A comment that would not fit is left out: the rest of it would be read as settings. */
static void comment(struct writer *w, const char *before, const char *s)
{
	if (strlen(before) + strlen(s) + 2 <= LINE_BYTES_MAX && !text_has_control(s, strlen(s))) {
		buf_addf(w->out, "# %s%s", before, s);
		end_line(w);
	}
}

int mbsyncrc_box(enum mbsync_dialect dialect, const char *name, struct buf *out)
{
	if (dialect == MBSYNC_14)
		return mutf7_encode(out, name);
	if (!text_is_utf8(name, strlen(name)))
		return -1;
	buf_adds(out, name);
	return out->failed ? -1 : 0;
}

/* Far ":source:NAME" */
static void box(struct writer *w, enum mbsync_dialect dialect, const char *key, const char *store,
                const char *name)
{
	struct buf spec = BUF_INIT(NAME_BYTES_MAX);

	buf_addf(&spec, ":%s:", store);
	if (mbsyncrc_box(dialect, name, &spec))
		bad(w, "a folder's name", name);
	setting(w, key, buf_str(&spec));
	buf_clear(&spec);
}

/* How mbsync itself gets to the server, and in. */
static void write_connection(struct writer *w, const struct mbsyncrc *rc, const struct mbsyncrc_store *s)
{
	bool old = rc->dialect == MBSYNC_14;

	setting(w, "Host", s->host);
	number(w, "Port", s->port);
	buf_addf(w->out, "%s %s", old ? "SSLType" : "TLSType", s->starttls ? "STARTTLS" : "IMAPS");
	end_line(w);
	plain(w, old ? "SSLVersions TLSv1.2 TLSv1.3" : "TLSVersions -1.0 -1.1 +1.2 +1.3");
	if (s->ca_file)
		setting(w, "CertificateFile", s->ca_file);
	/* One mechanism by name: with * mbsync may fall back to LOGIN and send a token as a password. */
	setting(w, "AuthMechs", s->mechanism);
	setting(w, "User", s->user);
	if (s->pass_cmd)
		setting(w, "PassCmd", s->pass_cmd);
}

static void write_store(struct writer *w, const struct mbsyncrc *rc, const char *name,
                        const struct mbsyncrc_store *s)
{
	plain(w, "");
	buf_addf(w->out, "IMAPStore %s", name);
	end_line(w);
	/* Without TLSType both versions take a tunnel as it is. */
	if (s->tunnel)
		setting(w, "Tunnel", s->tunnel);
	else
		write_connection(w, rc, s);
	number(w, "Timeout", rc->timeout);
	if (s->pipeline_depth)
		number(w, "PipelineDepth", s->pipeline_depth);
	if (s->delimiter) {
		const char text[2] = {s->delimiter, 0};

		setting(w, "PathDelimiter", text);
		/* Both known: mbsync need not ask, which spares a round trip. */
		if (s->bare)
			plain(w, "UseNamespace no");
	}
}

static void write_channels(struct writer *w, const struct mbsyncrc *rc)
{
	for (size_t i = 0; i < rc->n; i++) {
		plain(w, "");
		buf_addf(w->out, "Channel c%04u", rc->folders[i].channel);
		end_line(w);
		box(w, rc->dialect, "Far", "source", rc->folders[i].source);
		box(w, rc->dialect, "Near", "destination", rc->folders[i].destination);
	}
	if (!rc->n)
		return;
	plain(w, "");
	plain(w, "Group all");
	for (size_t i = 0; i < rc->n; i++) {
		buf_adds(w->out, i % 16 ? " " : "Channels ");
		buf_addf(w->out, "c%04u", rc->folders[i].channel);
		if (i % 16 == 15 || i + 1 == rc->n)
			end_line(w);
	}
}

static void write_wildcard(struct writer *w, const struct mbsyncrc *rc)
{
	plain(w, "");
	plain(w, "Channel inbox");
	box(w, rc->dialect, "Far", "source", "INBOX");
	box(w, rc->dialect, "Near", "destination", "INBOX");
	plain(w, "");
	plain(w,
	      "# All other folders under the same name. A folder that only the destination has makes mbsync");
	plain(w, "# end with status 1; nothing happens to it.");
	plain(w, "Channel others");
	plain(w, "Far :source:");
	plain(w, "Near :destination:");
	buf_adds(w->out, rc->patterns);
	w->line = w->out->len;
	plain(w, "");
	plain(w, "Group all");
	plain(w, "Channels inbox others");
}

int mbsyncrc_write(const struct mbsyncrc *rc, struct buf *out, struct err *e)
{
	struct writer w = {.out = out, .e = e, .line = out->len};
	struct buf by_hand = BUF_INIT(NAME_BYTES_MAX);

	comment(&w, "Made by mbhaul, and made again by it: what you change here gets lost. For mbsync ",
	        rc->dialect == MBSYNC_14 ? "1.4." : "1.5.");
	comment(&w, "Mailbox: ", rc->address);
	comment(&w,
	        rc->folders
	            ? "The usual way, which starts again after drops and throttling and checks the result:"
	            : "The usual way, which looks at both sides first, so that Sent Items becomes Sent:",
	        "");
	comment(&w, "  ", rc->sync_cmd);
	comment(&w, "By hand, from any folder:", "");
	buf_addf(&by_hand, "%s%smbsync -c ", rc->path_note ? rc->path_note : "", rc->path_note ? " " : "");
	text_shell(&by_hand, rc->file);
	buf_adds(&by_hand, " -a");
	comment(&w, "  ", buf_str(&by_hand));
	if (rc->direct)
		comment(&w, "Without mbhaul-relay: ", rc->direct);
	plain(&w, "");
	buf_reset(&by_hand);
	buf_addf(&by_hand, "%s/", rc->state);
	setting(&w, "SyncState", buf_str(&by_hand));
	plain(&w, "# From far (the source) to near (the destination) only; nothing is ever deleted on either "
	          "side.");
	plain(&w, rc->dialect == MBSYNC_14 ? "Sync PullNew PullFlags" : "Sync PullNew PullOld PullFlags");
	plain(&w, "Create Near");
	plain(&w, "Remove None");
	plain(&w, "Expunge None");
	plain(&w, "CopyArrivalDate yes");
	write_store(&w, rc, "source", &rc->source);
	write_store(&w, rc, "destination", &rc->destination);
	if (rc->folders)
		write_channels(&w, rc);
	else
		write_wildcard(&w, rc);
	if (!w.bad && (out->failed || by_hand.failed)) {
		err_set(e, CODE_UNAVAILABLE, "no memory to write %s", rc->file);
		w.bad = true;
	}
	buf_clear(&by_hand);
	return w.bad ? -1 : 0;
}

/* ---- patterns ---- */

/* Adds one argument to the line in progress, or begins a new one. */
static void pattern(struct writer *w, enum mbsync_dialect dialect, const char *sign, const char *name,
                    const char *below)
{
	struct buf text = BUF_INIT(NAME_BYTES_MAX);

	buf_adds(&text, sign);
	if (mbsyncrc_box(dialect, name, &text))
		bad(w, "a folder's name", name);
	buf_adds(&text, below);
	if (w->out->len > w->line && w->out->len - w->line + 2 * text.len + 3 > LINE_BYTES_MAX)
		end_line(w);
	buf_adds(w->out, w->out->len > w->line ? " " : "Patterns ");
	argument(w, buf_str(&text));
	buf_clear(&text);
}

/* The folder and all below it. */
static void pattern_tree(struct writer *w, enum mbsync_dialect dialect, const char *sign, const char *name)
{
	pattern(w, dialect, sign, name, "");
	pattern(w, dialect, sign, name, "/*");
}

/* Has a language before it the same word? */
static bool told_before(size_t i)
{
	for (size_t j = i; j-- && folder_names[j].role == folder_names[i].role;)
		if (!strcmp(folder_names[j].name, folder_names[i].name))
			return true;
	return false;
}

int mbsyncrc_patterns(enum mbsync_dialect dialect, const struct folder_rules *rules, struct buf *out,
                      struct err *e)
{
	struct writer w = {.out = out, .e = e, .line = out->len};

	/* mbsync takes the last pattern that matches. */
	pattern(&w, dialect, "", "*", "");
	for (size_t i = 0; i < folder_names_count; i++)
		if (folder_names[i].role >= ROLE_NOT_MAIL && folder_names[i].exchange && !told_before(i))
			pattern_tree(&w, dialect, "!", folder_names[i].name);
	for (size_t i = 0; i < rules->n_include; i++)
		pattern_tree(&w, dialect, "", rules->include[i].text);
	for (size_t i = 0; i < rules->n_exclude; i++)
		pattern_tree(&w, dialect, "!", rules->exclude[i].text);
	pattern(&w, dialect, "!", "INBOX", "");
	end_line(&w);
	if (!w.bad && out->failed) {
		err_set(e, CODE_UNAVAILABLE, "no memory for mbsync's patterns");
		w.bad = true;
	}
	return w.bad ? -1 : 0;
}

/* ---- versions ---- */

int mbsyncrc_version(const char *text, enum mbsync_dialect *dialect, char version[32], struct err *e)
{
	size_t n;
	int major, minor;
	const char *p = text;

	*dialect = MBSYNC_14;
	version[0] = 0;
	if (strncmp(p, "isync ", 6) && strncmp(p, "mbsync ", 7))
		goto unknown;
	p = strchr(p, ' ') + 1;
	n = strcspn(p, " \t\r\n");
	if (!isdigit((unsigned char)*p) || n >= 32 || text_has_control(p, n) ||
	    sscanf(p, "%4d.%4d", &major, &minor) != 2)
		goto unknown;
	memcpy(version, p, n);
	version[n] = 0;
	if (major < 1 || (major == 1 && minor < 4)) {
		err_set(e, CODE_UNAVAILABLE, "mbsync %s is too old: 1.4 is the oldest that works", version);
		return err_hint(e, "install Debian's package isync, or name another mbsync in [fleet]");
	}
	if (major > 1 || minor >= 5)
		*dialect = MBSYNC_15;
	return 0;
unknown:
	return err_set(e, CODE_UNAVAILABLE, "`mbsync --version` does not answer as mbsync does");
}
