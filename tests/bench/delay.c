/* delay LISTEN TARGET MS: a TCP proxy on loopback that holds every chunk for MS milliseconds (a fraction may be said) in each
 * direction, for the benchmarks: what it costs itself must not show. One thread, no copying beyond one read and one write, at
 * most BUFFER bytes held for each direction of a connection; then it stops reading, as a network with that much in flight does.
 * It ends with the process that started it. Errors: one line, exit 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 16 << 20, CHUNK = 256 << 10, CHUNKS = 8192 };

/* What came together goes on together. */
struct chunk {
	int64_t due; /* ns */
	size_t length;
};

/* A direction of a connection: a ring of bytes and a ring of what is due when. */
struct way {
	char *data;
	struct chunk *chunks;
	size_t begin, used;       /* bytes */
	size_t first, count;      /* chunks */
	bool ended, told, stuck;  /* the reader's end came; it was passed on; the writer takes no more now */
};

/* side[0]: the client's socket, side[1]: the server's; way[i] is read from side[i]. */
struct pair {
	struct end {
		struct pair *pair;
		int fd, index;
	} side[2];
	struct way way[2];
	bool dead;
	struct pair *next;
};

static int poller, clock_fd;
static int64_t hold_ns;
static struct pair *pairs;

static void die(const char *what)
{
	fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void watch(struct end *e, int operation)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = e};

	if (epoll_ctl(poller, operation, e->fd, &event))
		die("epoll_ctl");
}

static bool open_way(struct way *w)
{
	w->data = malloc(BUFFER);
	w->chunks = calloc(CHUNKS, sizeof(*w->chunks));
	return w->data && w->chunks;
}

static void release(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		if (p->side[i].fd >= 0)
			close(p->side[i].fd);
		free(p->way[i].data);
		free(p->way[i].chunks);
	}
	free(p);
}

static void quick(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Reads all that there is and that there is room for. */
static void take(struct pair *p, int i)
{
	struct way *w = &p->way[i];

	while (!w->ended && w->used < BUFFER && w->count < CHUNKS) {
		size_t end = (w->begin + w->used) % BUFFER;
		size_t room = end < w->begin ? w->begin - end : BUFFER - end;
		ssize_t n;

		if (room > BUFFER - w->used)
			room = BUFFER - w->used;
		if (room > CHUNK)
			room = CHUNK;
		n = recv(p->side[i].fd, w->data + end, room, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			p->dead = true;
			return;
		}
		w->ended = n == 0;
		w->used += (size_t)n;
		w->chunks[(w->first + w->count++) % CHUNKS] = (struct chunk){now() + hold_ns, (size_t)n};
	}
}

/* Writes what is due. */
static void give(struct pair *p, int i, int64_t t)
{
	struct way *w = &p->way[i];
	int fd = p->side[!i].fd;
	bool full = w->used == BUFFER || w->count == CHUNKS;

	while (w->count && w->chunks[w->first].due <= t && !w->stuck) {
		struct chunk *c = &w->chunks[w->first];
		size_t piece = c->length;
		ssize_t n = 0;

		if (piece > BUFFER - w->begin)
			piece = BUFFER - w->begin;
		if (piece)
			n = send(fd, w->data + w->begin, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			w->stuck = true;
			break;
		}
		if (n < 0) {
			p->dead = true;
			return;
		}
		w->begin = (w->begin + (size_t)n) % BUFFER;
		w->used -= (size_t)n;
		c->length -= (size_t)n;
		if (!c->length) {
			w->first = (w->first + 1) % CHUNKS;
			w->count--;
		}
	}
	if (full && w->used < BUFFER && w->count < CHUNKS)
		take(p, i);
	if (w->ended && !w->count && !w->told) {
		w->told = true;
		shutdown(fd, SHUT_WR);
	}
	if (p->way[0].told && p->way[1].told)
		p->dead = true;
}

static int loopback(int port, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return fd;
}

static void greet(int listener, int target)
{
	struct sockaddr_in address;
	struct pair *p;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		p = calloc(1, sizeof(*p));
		if (!p || !open_way(&p->way[0]) || !open_way(&p->way[1]))
			die("memory");
		p->side[0] = (struct end){p, fd, 0};
		p->side[1] = (struct end){p, loopback(target, &address), 1};
		quick(p->side[0].fd);
		quick(p->side[1].fd);
		if (connect(p->side[1].fd, (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS)
			die("connect");
		p->next = pairs;
		pairs = p;
		watch(&p->side[0], EPOLL_CTL_ADD);
		watch(&p->side[1], EPOLL_CTL_ADD);
	}
}

/* All that is due now; then the clock is set to what is next. */
static void work(void)
{
	int64_t t = now(), next = 0;
	struct itimerspec alarm = {0};

	for (struct pair **link = &pairs, *p; (p = *link);) {
		for (int i = 0; i < 2 && !p->dead; i++)
			give(p, i, t);
		if (p->dead) {
			*link = p->next;
			release(p);
			continue;
		}
		for (int i = 0; i < 2; i++) {
			struct way *w = &p->way[i];

			if (w->count && !w->stuck && (!next || w->chunks[w->first].due < next))
				next = w->chunks[w->first].due;
		}
		link = &p->next;
	}
	if (next) {
		alarm.it_value.tv_sec = next / 1000000000;
		alarm.it_value.tv_nsec = next % 1000000000;
	}
	timerfd_settime(clock_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
}

int main(int argc, char **argv)
{
	struct epoll_event events[256], event = {.events = EPOLLIN, .data.ptr = NULL};
	struct epoll_event tick = {.events = EPOLLIN, .data.ptr = &clock_fd};
	struct sockaddr_in address;
	int one = 1, listener, target;
	double ms;
	char *end = NULL;

	if (argc != 4 || (ms = strtod(argv[3], &end), *end)) {
		fprintf(stderr, "usage: delay LISTEN TARGET MS\n");
		return 64;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	hold_ns = (int64_t)(ms * 1e6);
	target = (int)strtol(argv[2], NULL, 10);
	listener = loopback((int)strtol(argv[1], NULL, 10), &address);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 512))
		die(argv[1]);
	poller = epoll_create1(EPOLL_CLOEXEC);
	clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (poller < 0 || clock_fd < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, clock_fd, &tick))
		die("epoll");
	for (;;) {
		int n = epoll_wait(poller, events, 256, -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct end *e = events[i].data.ptr;
			uint64_t ticks;

			if (!e) {
				greet(listener, target);
			} else if ((void *)e == (void *)&clock_fd) {
				if (read(clock_fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
					die("timer");
			} else {
				if (events[i].events & (EPOLLERR | EPOLLHUP))
					e->pair->way[e->index].stuck = e->pair->way[!e->index].stuck = false;
				if (events[i].events & EPOLLOUT)
					e->pair->way[!e->index].stuck = false;
				if (events[i].events & ~(uint32_t)EPOLLOUT)
					take(e->pair, e->index);
			}
		}
		work();
	}
}
