/*
 * Storage with a latency: preloaded into a process, it makes fsync and fdatasync take SLOW_FSYNC_US microseconds longer
 * than they do. Flushes of several processes wait side by side, as on a disk behind a network.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

typedef int (*flush)(int);

/* Until an absolute time, since signals wake the server's processes and a real flush would not end sooner for them. */
static void wait_for_storage(void)
{
	const char *setting = getenv("SLOW_FSYNC_US");
	long microseconds = setting ? atol(setting) : 0;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += microseconds * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int slowly(const char *name, int file)
{
	int saved = errno;

	wait_for_storage();
	errno = saved;
	return ((flush) dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file)
{
	return slowly("fsync", file);
}

int fdatasync(int file)
{
	return slowly("fdatasync", file);
}
