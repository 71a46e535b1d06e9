/*
 * Files: opened without following links where it matters, replaced by rename,
 * locked with flock. Errors name the file. Paths are the caller's.
 */
#ifndef MBHAUL_FILE_H
#define MBHAUL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;
struct secret;

/* Reads a whole regular file of at most max bytes. CODE_UNAVAILABLE; *missing (may be NULL) tells ENOENT. */
int file_read(const char *path, size_t max, struct buf *out, bool *missing, struct err *e);

/* The same for a secret: O_NOFOLLOW, owned by the caller or root, no bits for group or others
 * (CODE_CONFIG with the chmod to run). Appends to out as it stands. */
int file_read_secret(const char *path, struct secret *out, struct err *e);

/* The same rule without reading: for a file that a library will open. */
int file_check_secret(const char *path, struct err *e);

/* Reads a file that names credentials: owned by the caller or root, not writable by group or others
 * (CODE_CONFIG), in a folder that not everybody can write to. Symbolic links are followed (configuration is
 * often linked), the target is checked. */
int file_read_trusted(const char *path, size_t max, struct buf *out, bool *missing, struct err *e);

/* The same rule for a file that holds a credential which something else writes for this machine's programs, and that
 * may be readable by all (Kubernetes projects its tokens so, behind symbolic links). What cannot be changed by
 * others is theirs or root's choice. Appends to out as it stands; CODE_CONFIG. */
int file_read_delivered(const char *path, struct secret *out, struct err *e);

/* Replaces path by the given bytes: temporary file beside it, fsync, rename, fsync of the folder.
 * The name of the temporary file is random (pids collide between machines). */
int file_write(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);

/* The same without fsync, for files that can be made again, and leaves an equal file alone. Returns 1 if written, 0 if it was the same, -1. */
int file_update(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);

/* Makes the file `name` in the folder `dir` (a descriptor) where there is none: cheaper than file_update, but
 * whoever reads it meanwhile, or after a crash, may find a part of it. So only for what nobody can take for whole
 * then. `path` is for the error. Returns 1 if written, 0 if there is something of that name, -1. */
int file_create(int dir, const char *name, const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);

/* Replaces a file that is there, as file_write does, and keeps its owner, group and mode; behind a symbolic link, the
 * link's target. CODE_CONFIG if it belongs to somebody else. */
int file_rewrite(const char *path, const void *bytes, size_t n, struct err *e);

/* Appends one record with a single write(2). Creates the file with mode. */
int file_append(const char *path, const void *bytes, size_t n, mode_t mode, struct err *e);

/* Makes path and its missing parents, each created with 0700. An existing folder is left alone. */
int file_mkdirs(const char *path, struct err *e);

/* A folder that must be ours alone: created 0700, or owned by the caller and closed to all others
 * (CODE_CONFIG if not). Its parents are made as by file_mkdirs. */
int file_private_dir(const char *path, struct err *e);

/* flock(LOCK_EX) on path, made 0600 if missing. Waits at most wait_ms (0: no wait). Returns a descriptor
 * that holds the lock until closed, -1 with CODE_LATER when somebody else has it, or another code. */
int file_lock(const char *path, int wait_ms, struct err *e);

/* path as it is if absolute, else below the folder of `base` (a file). Malloc'ed; NULL without memory. */
char *file_beside(const char *base, const char *path);

/* "a/b" as an absolute path below the current folder, without resolving links. Malloc'ed; NULL on failure. */
char *file_absolute(const char *path);

/* Milliseconds that only grow, whatever is done to the clock. They go on while the machine sleeps, as the outside does: for
 * connections and waits. */
long long file_now_ms(void);

/* Epoch seconds as the clock told when it was first asked, and from then on as file_now_ms: to plan with. */
long long file_plan_time(void);

/* file_now_ms without sleep: for how long something here had time to get on. */
long long file_awake_ms(void);

#endif
