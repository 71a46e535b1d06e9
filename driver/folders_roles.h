/*
 * Which folders of a side are special, and which hold no mail: by their flags, else by their names.
 * A part of folders_decide.
 */
#ifndef MBHAUL_FOLDERS_ROLES_H
#define MBHAUL_FOLDERS_ROLES_H

#include "driver/folders.h"

/* How a special folder was recognised. */
enum role_by { BY_NOTHING, BY_FLAG, BY_NAME };

struct folder_roles {
	const struct folder *special[ROLE_NOT_MAIL]; /* by role; NULL: there is none. Points into the list. */
	enum role_by by[ROLE_NOT_MAIL];
	/* The mailbox's language or, where names do not tell, languages; none if too few names are known. */
	const char *lang[64];
	size_t n_lang;
};

/* Of the source: Exchange's names in the mailbox's own language come before the other languages and
 * the common names. */
void folder_roles_source(const struct folder_list *list, struct folder_roles *r);

/* Of the destination: the plain names come before Exchange's. */
void folder_roles_destination(const struct folder_list *list, struct folder_roles *r);

/*
 * The kind of non-mail folder that the top level of this name stands for, else ROLE_NONE. Everyday words (the
 * Dutch calendar is called Agenda) count only in the mailbox's own language and in English, as far as it is
 * known; *elsewhere tells the language that was passed over, else NULL.
 */
enum folder_role folder_roles_not_mail(const struct folder_roles *r, const char *name,
                                       const char **elsewhere);

#endif
