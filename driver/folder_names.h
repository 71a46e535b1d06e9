/*
 * The names that Exchange gives its own folders, in every language it speaks,
 * and the common names of special folders elsewhere.
 *
 * Names are compared without regard to case, after NFC. The same word may stand in
 * several languages; no word stands for two roles.
 */
#ifndef MBHAUL_FOLDER_NAMES_H
#define MBHAUL_FOLDER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* What a folder is for. Everything from ROLE_NOT_MAIL on holds no mail. */
enum folder_role {
	ROLE_NONE,
	ROLE_SENT,
	ROLE_TRASH,
	ROLE_DRAFTS,
	ROLE_JUNK,
	ROLE_ARCHIVE,
	ROLE_NOT_MAIL,
	ROLE_OUTBOX = ROLE_NOT_MAIL,
	ROLE_CALENDAR,
	ROLE_CONTACTS,
	ROLE_TASKS,
	ROLE_NOTES,
	ROLE_JOURNAL,
	ROLE_SYNC_ISSUES,
	ROLE_CONVERSATIONS,
	ROLE_FEEDS,
	ROLE_HIDDEN, /* folders that Exchange and Outlook keep for themselves */
	ROLE_COUNT
};

struct folder_name {
	const char *name; /* UTF-8, NFC, in the case that Exchange uses */
	const char *lang; /* "de", "pt_BR"; "en" for what is not translated */
	enum folder_role role;
	bool exchange; /* false (and lang ""): a common name of other servers and clients only */
};

/* All names, for whoever must write them out. Sorted by role, then as Exchange's list goes. */
extern const struct folder_name folder_names[];
extern const size_t folder_names_count;

/* Up to max entries whose name is that of the (single, top-level) component; returns how many there are.
 * The order is that of folder_names. */
size_t folder_names_find(const char *component, const struct folder_name **found, size_t max);

/* "Sent", "Trash", ...: the plain English word, which is also the name for a new special folder. */
const char *folder_role_word(enum folder_role role);

/* The role that folder_role_word gave, ROLE_NONE for any other word. */
enum folder_role folder_role_parse(const char *word);

/* What a person calls it: "the calendar", "sent mail". */
const char *folder_role_text(enum folder_role role);

/* Appends s in NFC with its case folded, for comparing. Returns -1 without memory or if s is not UTF-8. */
int folder_fold(struct buf *out, const char *s);

#endif
