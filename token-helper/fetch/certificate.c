#include "fetch/certificate.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/x509.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "claims.h"
#include "fetch/assertion.h"
#include "fetch/pair.h"
#include "fetch/selfsigned.h"
#include "profile.h"
#include "reply.h"

enum { DAYS = 365, DAY = 86400 };

static const char show[] = "certificate", make_new[] = "new-certificate";

struct order {
	const char *config, *profile, *out;
	int days;
	bool force;
};

bool certificate_is_command(const char *word)
{
	return !strcmp(word, show) || !strcmp(word, make_new);
}

static int parse(struct order *o, int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"profile", required_argument, NULL, 'p'},
	    {"out", required_argument, NULL, 'o'},    {"days", required_argument, NULL, 'd'},
	    {"force", no_argument, NULL, 'f'},        {0},
	};
	unsigned long long n;
	int c;

	*o = (struct order){.days = DAYS};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'p':
			o->profile = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'd':
			if (text_number(optarg, 36500, &n) || !n)
				return -1;
			o->days = (int)n;
			break;
		case 'f':
			o->force = true;
			break;
		default:
			return -1;
		}
	}
	return optind == argc && !o->out == (o->config && o->profile) ? 0 : -1;
}

/* The lines about a certificate that both commands print. */
static int describe(struct buf *out, const struct assertion *a, const struct profile *p, struct err *e)
{
	long long from, until, now = time(NULL);

	if (assertion_dates(a, &from, &until, e))
		return -1;
	buf_addf(out, "certificate: %s\nkey: %s\nsha1: %s\nsha256: %s\nvalid-from: ", p->file,
	         p->key ? p->key : p->file, a->sha1, a->sha256);
	claims_time(out, from);
	buf_adds(out, "\nvalid-until: ");
	claims_time(out, until);
	if (until > now)
		buf_addf(out, " (%lld d left)\n", (until - now) / DAY);
	else
		buf_adds(out, " (expired)\n");
	return 0;
}

static int print(const struct buf *out, struct err *e)
{
	if (out->failed)
		return err_set(e, CODE_UNAVAILABLE, "out of memory");
	if (fputs(buf_str(out), stdout) < 0 || fflush(stdout))
		return err_errno(e, CODE_UNAVAILABLE, "cannot write to standard output");
	return 0;
}

static int load_profile(const struct order *o, struct profiles *set, const struct profile **p, struct err *e)
{
	if (profiles_load(o->config, set, e))
		return -1;
	*p = profiles_by_name(set, o->profile);
	if (!*p)
		return err_set(e, CODE_CONFIG, "%s has no [profile %s]", set->file, o->profile);
	if ((*p)->credential != PROFILE_SOCKET)
		return 0;
	err_set(e, CODE_CONFIG, "the credential of [profile %s] belongs to the token helper at %s",
	        (*p)->name, (*p)->file);
	return err_hint(e, "Do this as the user who runs it, and with its configuration.");
}

static int show_certificate(const struct order *o, struct buf *out, struct err *e)
{
	struct profiles set = {0};
	struct assertion a = {0};
	const struct profile *p;
	int rc = -1;

	if (load_profile(o, &set, &p, e))
		goto out;
	if (p->credential != PROFILE_CERTIFICATE) {
		err_set(e, CODE_CONFIG, "the credential of [profile %s] is not a certificate", p->name);
		err_hint(
		    e, "`mbhaul-token new-certificate --profile %s` makes one, and says what to do with it.",
		    p->name);
		goto out;
	}
	if (assertion_load(&a, p, e) || describe(out, &a, p, e))
		goto out;
	rc = 0;
out:
	assertion_clear(&a);
	profiles_clear(&set);
	return rc;
}

/* Makes the pair, and reads it back: what is printed is what lies there. */
static int make_pair(const struct profile *place, const char *cn, const struct order *o, struct buf *out,
                     struct err *e)
{
	struct selfsigned s;
	struct assertion a = {0};
	int rc = -1;

	if (selfsigned_make(&s, cn, time(NULL), o->days, o->out != NULL, e))
		return -1;
	if (pair_write(&(struct pair_file){place->key, secret_str(&s.key), s.key.len},
	               &(struct pair_file){place->file, buf_str(&s.certificate), s.certificate.len}, o->force,
	               e))
		goto out;
	if (assertion_load(&a, place, e) || describe(out, &a, place, e))
		goto out;
	rc = 0;
out:
	assertion_clear(&a);
	selfsigned_clear(&s);
	return rc;
}

/* The two files that the profile names, or, while it has another credential, NAME.crt and NAME.key beside the
 * configuration. place->file and place->key are malloc'ed. */
static int find_places(const struct profiles *set, const struct profile *p, struct profile *place,
                       struct err *e)
{
	char name[80];

	*place = (struct profile){.name = p->name, .credential = PROFILE_CERTIFICATE};
	if (p->credential == PROFILE_CERTIFICATE) {
		if (!p->key) {
			err_set(e, CODE_CONFIG,
			        "[profile %s] names no KEY, and what is uploaded must not hold the key",
			        p->name);
			return err_hint(e, "Write credential = certificate FILE KEY, with two new files.");
		}
		if (profile_is_uri(p->file) || profile_is_uri(p->key)) {
			err_set(e, CODE_CONFIG, "the credential of [profile %s] does not lie in files",
			        p->name);
			return err_hint(e,
			                "Make key and certificate with what manages that token or module.");
		}
		place->file = strdup(p->file);
		place->key = strdup(p->key);
	} else {
		snprintf(name, sizeof(name), "%s.crt", p->name);
		place->file = file_beside(set->file, name);
		snprintf(name, sizeof(name), "%s.key", p->name);
		place->key = file_beside(set->file, name);
	}
	return place->file && place->key ? 0 : err_set(e, CODE_UNAVAILABLE, "out of memory");
}

static int new_for_profile(const struct order *o, struct buf *out, struct err *e)
{
	struct profiles set = {0};
	struct profile place = {0};
	const struct profile *p;
	char cn[80];
	int rc = -1;

	if (load_profile(o, &set, &p, e) || find_places(&set, p, &place, e))
		goto out;
	snprintf(cn, sizeof(cn), "mbhaul %s", p->name);
	if (make_pair(&place, cn, o, out, e))
		goto out;
	buf_addf(
	    out,
	    "next:\n"
	    "  1. have %s uploaded, never the key: Entra admin center, App registrations, the application,\n"
	    "     Certificates & secrets > Certificates > Upload certificate. It shows the sha1 above as the "
	    "thumbprint.\n",
	    place.file);
	if (p->credential != PROFILE_CERTIFICATE)
		buf_addf(out,
		         "  2. write into [profile %s] of %s, in place of its credential:\n"
		         "     credential = certificate %s.crt %s.key\n",
		         p->name, set.file, p->name, p->name);
	buf_addf(out, "  %d. mbhaul-token --config %s claims --profile %s\n",
	         p->credential != PROFILE_CERTIFICATE ? 3 : 2, set.file, p->name);
	rc = 0;
out:
	free(place.file);
	free(place.key);
	profiles_clear(&set);
	return rc;
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* A pair that is there is what secrets may have been sealed for: it stays, if it is any good. */
static int keep_seal(const struct profile *place, struct buf *out, struct err *e)
{
	static const char again[] = "--force makes a new pair; what was sealed for the old one is lost then.";
	struct assertion a = {0};
	int rc = -1;

	if (!exists(place->file) || !exists(place->key)) {
		bool crt = exists(place->file);

		err_set(e, CODE_CONFIG, "%s is there, but %s is not", crt ? place->file : place->key,
		        crt ? place->key : place->file);
		err_hint(e, "%s", again);
	} else if (assertion_load(&a, place, e)) {
		if (!e->hint[0]) /* else it is a mode to put right */
			err_hint(e, "%s", again);
	} else if (assertion_check_time(&a, time(NULL), e)) {
		err_hint(e, "%s", again);
	} else if (!selfsigned_is_seal(a.certificate)) {
		err_set(e, CODE_CONFIG,
		        "the certificate in %s is not one for document encryption, which "
		        "Protect-CmsMessage demands",
		        place->file);
		err_hint(e, "%s", again);
	} else if (!describe(out, &a, place, e)) {
		buf_adds(out, "the pair is left as it is\n");
		rc = 0;
	}
	assertion_clear(&a);
	return rc;
}

static int new_seal(const struct order *o, struct buf *out, struct err *e)
{
	struct profile place = {.name = (char *)(size_t) "seal", .credential = PROFILE_CERTIFICATE};
	char *base = file_absolute(o->out);
	int rc = -1;

	if (!base || asprintf(&place.file, "%s.crt", base) < 0) {
		place.file = NULL;
		err_set(e, CODE_UNAVAILABLE, "out of memory");
		goto out;
	}
	if (asprintf(&place.key, "%s.key", base) < 0) {
		place.key = NULL;
		err_set(e, CODE_UNAVAILABLE, "out of memory");
		goto out;
	}
	if (!o->force && (exists(place.file) || exists(place.key))) {
		rc = keep_seal(&place, out, e);
		goto out;
	}
	rc = make_pair(&place, "mbhaul sealed hand-over", o, out, e);
out:
	free(place.file);
	free(place.key);
	free(base);
	return rc;
}

int certificate_command(int argc, char **argv)
{
	struct buf out = BUF_INIT(65536);
	struct err e = ERR_INIT;
	struct order o;
	int rc;

	if (parse(&o, argc, argv) || (!strcmp(argv[0], show) && o.out)) {
		err_set(&e, CODE_USAGE, "mbhaul-token-fetch is started by mbhaul-token");
		rc = -1;
	} else if (!strcmp(argv[0], show)) {
		rc = show_certificate(&o, &out, &e);
	} else if (o.out) {
		rc = new_seal(&o, &out, &e);
	} else {
		rc = new_for_profile(&o, &out, &e);
	}
	if (!rc)
		rc = print(&out, &e);
	buf_clear(&out);
	return rc ? err_print(&e, reply_program) : CODE_DONE;
}
