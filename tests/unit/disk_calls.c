/*
 * Preloaded into a process, this watches what it does to the files of one folder: each call that changes something, or
 * flushes it, is counted and written down before it is carried out. At a given count the process kills itself instead.
 *
 * A line of the record: what was called, the path, an offset or length, and the bytes as hexadecimal digits or, for a
 * rename, the new path; separated by tabs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char watched[4096];
static FILE *record;
static long calls, fatal;

/* Begins to count. Without a path for the record none is kept; with fatal = 0 nobody dies. */
void disk_calls_watch(const char *folder, const char *path, long at)
{
	snprintf(watched, sizeof watched, "%s", folder);
	record = path[0] ? fopen(path, "w") : NULL;
	calls = 0;
	fatal = at;
}

/* Says in the record how far the process is. */
void disk_calls_note(const char *text)
{
	if (record) {
		fprintf(record, "note\t%s\t0\t\n", text);
		fflush(record);
	}
}

static int is_watched(const char *path)
{
	return watched[0] && strncmp(path, watched, strlen(watched)) == 0;
}

static void happens(const char *what, const char *path, long long number, const unsigned char *bytes, size_t size,
		    const char *text)
{
	if (++calls == fatal)
		kill(getpid(), SIGKILL);
	if (!record)
		return;
	fprintf(record, "%s\t%s\t%lld\t%s", what, path, number, text);
	for (size_t at = 0; at < size; at++)
		fprintf(record, "%02x", bytes[at]);
	fputc('\n', record);
	fflush(record);
}

static void happens_to(int file, const char *what, long long number, const void *bytes, size_t size)
{
	char link[64], path[4096];
	ssize_t length;

	if (!watched[0] || (record && file == fileno(record)))
		return;
	snprintf(link, sizeof link, "/proc/self/fd/%d", file);
	length = readlink(link, path, sizeof path - 1);
	if (length <= 0)
		return;
	path[length] = 0;
	if (is_watched(path))
		happens(what, path, number, bytes, size, "");
}

ssize_t write(int file, const void *bytes, size_t size)
{
	int appends = fcntl(file, F_GETFL) & O_APPEND;

	happens_to(file, "write", lseek(file, 0, appends ? SEEK_END : SEEK_CUR), bytes, size);
	return syscall(SYS_write, file, bytes, size);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
	happens_to(file, "write", offset, bytes, size);
	return syscall(SYS_pwrite64, file, bytes, size, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
	return pwrite64(file, bytes, size, offset);
}

int ftruncate64(int file, off64_t length)
{
	happens_to(file, "truncate", length, NULL, 0);
	return syscall(SYS_ftruncate, file, length);
}

int ftruncate(int file, off_t length)
{
	return ftruncate64(file, length);
}

int fsync(int file)
{
	happens_to(file, "flush", 0, NULL, 0);
	return syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
	happens_to(file, "flush", 0, NULL, 0);
	return syscall(SYS_fdatasync, file);
}

int unlink(const char *path)
{
	if (is_watched(path))
		happens("unlink", path, 0, NULL, 0, "");
	return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *path, const char *new_path)
{
	if (is_watched(path))
		happens("rename", path, 0, NULL, 0, new_path);
	return syscall(SYS_renameat, AT_FDCWD, path, AT_FDCWD, new_path);
}

int mkdir(const char *path, mode_t mode)
{
	if (is_watched(path))
		happens("mkdir", path, 0, NULL, 0, "");
	return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
