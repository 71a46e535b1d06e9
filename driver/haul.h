/*
 * Where things lie in the haul directory:
 *   mailboxes/<address>/  mbsyncrc  sync.sh  source.account  destination.account  state/  folders.json
 *                         status.json  copied.jsonl  verify.json  verify.jsonl  slots/  events/  log  lock
 * Beside mailboxes/: what engines.h and run_lock.h say, and the reports.
 *
 * Nothing here touches the disk but haul_make and haul_spread. Strings are malloc'ed for the caller, NULL
 * without memory.
 */
#ifndef MBHAUL_HAUL_H
#define MBHAUL_HAUL_H

struct buf;
struct err;

#define HAUL_MBSYNCRC "mbsyncrc"
#define HAUL_SYNC_SH "sync.sh"
#define HAUL_SOURCE_ACCOUNT "source.account"
#define HAUL_DESTINATION_ACCOUNT "destination.account"
#define HAUL_SLOTS "slots"
#define HAUL_EVENTS "events"
#define HAUL_COPIED "copied.jsonl"
#define HAUL_STATE "state"
#define HAUL_FOLDERS "folders.json"
#define HAUL_STATUS "status.json"
#define HAUL_VERIFY "verify.json"
#define HAUL_VERIFY_ROWS "verify.jsonl"
#define HAUL_VERIFY_CSV "verify.csv" /* in the haul directory itself */
#define HAUL_LOG "log"
#define HAUL_LOCK "lock"

/*
 * Appends the name of a mailbox's folder: the address in lower case (ASCII), percent-encoded but for letters,
 * digits and @ . _ - +. A name that would be too long for a file system is cut and ends with "~" and a hash
 * of the whole.
 */
void haul_name(struct buf *out, const char *address);

/* HAUL/mailboxes/NAME, or HAUL/mailboxes/NAME/file if file is not NULL. */
char *haul_path(const char *haul, const char *address, const char *file);

/* HAUL/mailboxes */
char *haul_mailboxes(const char *haul);

/* Makes HAUL (0700), HAUL/mailboxes and, if address is not NULL, the mailbox's folder. */
int haul_make(const char *haul, const char *address, struct err *e);

/*
 * Tells ext4 that the mailboxes' folders have nothing to do with each other (chattr(1), attribute T), so that
 * it puts each into another part of the disk. In one part, and without a journal, it looks at every inode that
 * was freed there in the last minutes before it takes one: where a large haul was just deleted, 10,000
 * mailboxes took 19 s instead of 2 s. But to look for a part takes time as well, 0.1 ms a folder on a large
 * disk: only for those who find it slow. A hint: other file systems refuse it.
 */
void haul_spread(const char *haul);

#endif
