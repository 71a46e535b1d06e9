/*
 * The login of a session, from the greeting on: what session.c and session_login.c share. For nobody else.
 */
#ifndef MBHAUL_SESSION_LOGIN_H
#define MBHAUL_SESSION_LOGIN_H

struct err;
struct session;

/* Takes what the server has said and answers it, until the state is SESSION_READY. -1 with an error. */
int session_login_step(struct session *s, struct err *e);

/* STARTTLS is through. */
void session_login_encrypted(struct session *s);

void session_login_clear(struct session *s);

#endif
