/*
 * HAUL/worked: an empty file whose time is that of the last login at the source that was let in, of any mailbox. It tells
 * a fleet that was never let in (nobody registered the application) from one that is shut out now. Needs no lock.
 */
#ifndef MBHAUL_WORKED_H
#define MBHAUL_WORKED_H

/* Sets the file's time to now, at most once a second. Failures do no harm. */
void worked_mark(const char *haul);

/* Epoch s, 0: never. */
long long worked_when(const char *haul);

#endif
