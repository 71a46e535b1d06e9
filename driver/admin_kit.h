/*
 * The kit for the customer's administrator: scripts, README.txt and list, made from templates that are part of
 * the program (driver/admin/, put in by admin_files.c).
 *
 * Nothing gets into a script but GUIDs. Everything else that the scripts need comes from their parameters and the
 * files beside them, so that no name or address of a configuration is ever part of a program that an administrator
 * runs. Errors are CODE_UNAVAILABLE, or CODE_CONFIG for a folder that is no place for a kit.
 */
#ifndef MBHAUL_ADMIN_KIT_H
#define MBHAUL_ADMIN_KIT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct mailboxes;

enum { ADMIN_GUID_SIZE = 37 };

/* How the application proves itself: what the administrator has to do about it. */
enum admin_credential {
	ADMIN_CERTIFICATE,
	ADMIN_SECRET,    /* which will be sealed */
	ADMIN_FEDERATED, /* another issuer's tokens */
	ADMIN_IDENTITY,  /* a managed identity, which has no app registration */
	ADMIN_HELPER,    /* in a way that is known to another user's token helper only */
};

struct admin_facts {
	/* GUIDs, "" if not known */
	char app_id[ADMIN_GUID_SIZE];    /* client-id */
	char object_id[ADMIN_GUID_SIZE]; /* of the enterprise application */
	char tenant_id[ADMIN_GUID_SIZE];
	enum admin_credential credential;
	bool application_certificate; /* it is in the kit, to be uploaded */
	bool mailboxes;               /* there is a list */
};

/* What goes into the kit beside the templates; NULL: nothing. */
struct admin_extras {
	const struct mailboxes *boxes;
	const struct buf *operator_certificate;    /* PEM, for sealing */
	const struct buf *application_certificate; /* PEM */
};

struct admin_file {
	const char *name; /* in the kit */
	const char *text; /* ends with a NUL, and has none before */
	bool secret_only; /* of no use where the credential is a certificate */
};

/* The templates; the last has name NULL. */
extern const struct admin_file admin_files[];

/*
 * What several scripts have in common, each in a file of its own, so that it is written once. The scripts of the kit
 * hold a copy each: an administrator reads and runs one file.
 */
struct admin_part {
	const char *name; /* as in "@include NAME@" */
	const char *text; /* as that of a file; ends with a line's end */
};

/* The last has name NULL. */
extern const struct admin_part admin_parts[];

/* The command that makes mailboxes.csv, for a person to paste into PowerShell; ends with LF. */
extern const char admin_list_command[];

/* Pure. 8-4-4-4-12 hexadecimal digits. */
bool admin_is_guid(const char *s);

/* Pure. True for a GUID of zeros: init's client-id, which stands for none. */
bool admin_is_no_guid(const char *s);

/*
 * Pure. Appends a template with its placeholders (@APP_ID@, @OBJECT_ID@, @TENANT_ID@) replaced. Lines between
 * "@if WORD@", "@else@" and "@end@" stand in the result if WORD (app, object, tenant, mailboxes, upload, secret,
 * certificate (one that is not in the kit), federated, identity) is a fact. In place of a line "@include NAME@" stands the part of that name, filled in the same way,
 * but without inclusions of its own; `parts` may be NULL: none. A value that is neither a GUID nor "" is an error, and
 * so is a word or name that is not known.
 */
int admin_fill(const char *text, size_t n, const struct admin_part *parts, const struct admin_facts *facts,
               struct buf *out, struct err *e);

/* Pure. Appends the list: the column Email and no other, as Export-Csv writes it. */
void admin_list(const struct mailboxes *boxes, struct buf *out);

struct admin_written {
	size_t files, changed;
};

/*
 * Makes or renews the kit in dir. Without a secret as credential it has no 5-seal.ps1 and no operator.crt, without a
 * certificate no application.crt; those of an earlier kit are removed. Files that are the same are left alone, and the administrator's results are never touched. A folder that holds
 * a README.txt or mailboxes.csv of somebody else is refused.
 */
int admin_kit_write(const char *dir, const struct admin_facts *facts, const struct admin_extras *extras,
                    struct admin_written *written, struct err *e);

/* Pure. Appends the first certificate of a PEM text, and nothing else that may be in it: a key must not leave. -1 if
 * there is none. */
int admin_first_certificate(const char *pem, size_t n, struct buf *out);

#endif
