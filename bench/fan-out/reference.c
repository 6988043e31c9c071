/*
 * The C-speed reference: encrypts packets as SRTP does with AEAD_AES_128_GCM (RFC 7714) and sends them to N UDP sockets on loopback,
 * without receiving, negotiating or deciding anything. What a gateway costs beyond this is its own doing.
 *
 * Usage: reference DESTINATIONS SECONDS FRAMES_PER_SECOND < FRAMES
 * FRAMES has a line per frame with the sizes of its RTP packets; it is repeated for as long as it takes.
 * Prints one line of JSON per way to send: sendmmsg with a message per packet, then UDP GSO with a message per run of equal sizes.
 *
 * libcrypto is opened at run time and its functions are declared here, so that a compiler is all that is needed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
  MAX_DESTINATIONS = 1000,
  MAX_FRAMES = 1000,
  MAX_FRAME_PACKETS = 400,
  MAX_PACKET_BYTES = 1500,
  RTP_HEADER_BYTES = 12,
  TAG_BYTES = 16,
  /* Limits of the kernel: messages per sendmmsg, segments and bytes per message. */
  MAX_BATCH = 1024,
  SLOT_BYTES = (1024 + MAX_FRAME_PACKETS) * MAX_PACKET_BYTES,
  MAX_SEGMENTS = 64,
  MAX_MESSAGE_BYTES = 65000,
};

/* OpenSSL's evp.h in short. */
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_cipher_st EVP_CIPHER;
static EVP_CIPHER_CTX *(*cipher_new)(void);
static const EVP_CIPHER *(*aes_128_gcm)(void);
static int (*encrypt_init)(EVP_CIPHER_CTX *, const EVP_CIPHER *, void *engine, const uint8_t *key, const uint8_t *iv);
static int (*encrypt_update)(EVP_CIPHER_CTX *, uint8_t *out, int *out_length, const uint8_t *in, int in_length);
static int (*encrypt_final)(EVP_CIPHER_CTX *, uint8_t *out, int *out_length);
static int (*cipher_ctrl)(EVP_CIPHER_CTX *, int type, int argument, void *pointer);
enum { CTRL_GET_TAG = 0x10 };

struct frame {
  int packets;
  int bytes[MAX_FRAME_PACKETS];
};

struct destination {
  EVP_CIPHER_CTX *cipher;
  uint8_t salt[12];
  uint32_t ssrc;
  uint64_t index; /* extended sequence number: roll-over counter and sequence number */
};

/* Between the sender and the process that receives. */
struct shared {
  struct sockaddr_in addresses[MAX_DESTINATIONS];
  volatile int is_listening;
  volatile int is_finished;
  volatile uint64_t received;
};

static struct frame frames[MAX_FRAMES];
static int frame_count;
static struct destination destinations[MAX_DESTINATIONS];
static int destination_count;
static struct shared *shared;
static uint8_t *slots;
static uint8_t payload[MAX_PACKET_BYTES];

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "failed");
  exit(1);
}

static void load_libcrypto(void) {
  void *library = dlopen("libcrypto.so.3", RTLD_NOW);
  if (!library) library = dlopen("libcrypto.so", RTLD_NOW);
  if (!library) fail(dlerror());
  *(void **)&cipher_new = dlsym(library, "EVP_CIPHER_CTX_new");
  *(void **)&aes_128_gcm = dlsym(library, "EVP_aes_128_gcm");
  *(void **)&encrypt_init = dlsym(library, "EVP_EncryptInit_ex");
  *(void **)&encrypt_update = dlsym(library, "EVP_EncryptUpdate");
  *(void **)&encrypt_final = dlsym(library, "EVP_EncryptFinal_ex");
  *(void **)&cipher_ctrl = dlsym(library, "EVP_CIPHER_CTX_ctrl");
  if (!cipher_new || !aes_128_gcm || !encrypt_init || !encrypt_update || !encrypt_final || !cipher_ctrl) {
    fail("libcrypto lacks a function");
  }
}

static void read_frames(void) {
  static char line[MAX_FRAME_PACKETS * 6];
  while (frame_count < MAX_FRAMES && fgets(line, sizeof line, stdin)) {
    struct frame *frame = &frames[frame_count];
    char *rest = line;
    for (char *end; frame->packets < MAX_FRAME_PACKETS; rest = end) {
      long bytes = strtol(rest, &end, 10);
      if (end == rest) break;
      if (bytes < RTP_HEADER_BYTES || bytes > MAX_PACKET_BYTES - TAG_BYTES) fail("packet size out of range");
      frame->bytes[frame->packets++] = (int)bytes;
    }
    if (frame->packets > 0) frame_count++;
  }
  if (frame_count == 0) fail("no frames on standard input");
}

static void prepare_destinations(void) {
  for (int i = 0; i < destination_count; i++) {
    struct destination *d = &destinations[i];
    uint8_t key[16];
    for (int k = 0; k < 16; k++) key[k] = (uint8_t)(i * 31 + k * 7);
    for (int k = 0; k < 12; k++) d->salt[k] = (uint8_t)(i * 17 + k * 3);
    d->ssrc = 0x10000000u + (uint32_t)i;
    d->index = 65000;
    d->cipher = cipher_new();
    if (!d->cipher || encrypt_init(d->cipher, aes_128_gcm(), NULL, key, NULL) != 1) fail("EVP_EncryptInit_ex");
  }
}

/* Writes header, encrypted payload and tag at `out`; returns their length. */
static int protect(struct destination *d, uint8_t *out, int rtp_bytes, uint32_t timestamp) {
  uint32_t roll_over = (uint32_t)(d->index >> 16);
  uint16_t sequence_number = (uint16_t)d->index;
  int written;
  uint8_t iv[12];
  uint32_t ssrc_be = htonl(d->ssrc), roll_over_be = htonl(roll_over), timestamp_be = htonl(timestamp);
  uint16_t sequence_be = htons(sequence_number);
  out[0] = 0x80;
  out[1] = 96;
  memcpy(out + 2, &sequence_be, 2);
  memcpy(out + 4, &timestamp_be, 4);
  memcpy(out + 8, &ssrc_be, 4);
  memcpy(iv, d->salt, 12);
  for (int k = 0; k < 4; k++) iv[2 + k] ^= ((uint8_t *)&ssrc_be)[k];
  for (int k = 0; k < 4; k++) iv[6 + k] ^= ((uint8_t *)&roll_over_be)[k];
  for (int k = 0; k < 2; k++) iv[10 + k] ^= ((uint8_t *)&sequence_be)[k];
  d->index++;
  if (encrypt_init(d->cipher, NULL, NULL, NULL, iv) != 1 ||
      encrypt_update(d->cipher, NULL, &written, out, RTP_HEADER_BYTES) != 1 ||
      encrypt_update(d->cipher, out + RTP_HEADER_BYTES, &written, payload, rtp_bytes - RTP_HEADER_BYTES) != 1 ||
      encrypt_final(d->cipher, out + rtp_bytes, &written) != 1 ||
      cipher_ctrl(d->cipher, CTRL_GET_TAG, TAG_BYTES, out + rtp_bytes) != 1) {
    fail("encryption");
  }
  return rtp_bytes + TAG_BYTES;
}

static struct mmsghdr messages[MAX_BATCH];
static struct iovec vectors[MAX_BATCH];
static union {
  struct cmsghdr header;
  uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
} controls[MAX_BATCH];
static int queued;
static uint8_t *next_slot;

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CPU time inside sendmmsg. Measured here because the kernel's own split is sampled by ticks, with which paced frames are in step. */
static uint64_t system_ns;

static void flush(int socket_fd) {
  uint64_t before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  for (int sent = 0; sent < queued;) {
    int count = sendmmsg(socket_fd, messages + sent, (unsigned)(queued - sent), 0);
    if (count < 0 && errno != EINTR) fail("sendmmsg");
    if (count > 0) sent += count;
  }
  system_ns += nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before;
  queued = 0;
  next_slot = slots;
}

static void queue(int destination, uint8_t *bytes, int length, int segment_bytes) {
  struct msghdr *message = &messages[queued].msg_hdr;
  memset(message, 0, sizeof *message);
  vectors[queued].iov_base = bytes;
  vectors[queued].iov_len = (size_t)length;
  message->msg_iov = &vectors[queued];
  message->msg_iovlen = 1;
  message->msg_name = &shared->addresses[destination];
  message->msg_namelen = sizeof shared->addresses[0];
  if (length > segment_bytes) {
    uint16_t size = (uint16_t)segment_bytes;
    controls[queued].header.cmsg_level = IPPROTO_UDP;
    controls[queued].header.cmsg_type = UDP_SEGMENT;
    controls[queued].header.cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(&controls[queued].header), &size, sizeof size);
    message->msg_control = &controls[queued];
    message->msg_controllen = sizeof controls[queued];
  }
  queued++;
}

/* All packets of one frame for one destination, one behind the other in memory; equal sizes go into one message if `segmented`. */
static void send_frame(int socket_fd, const struct frame *frame, int destination, uint32_t timestamp, int segmented) {
  int is_memory_full = next_slot + frame->packets * MAX_PACKET_BYTES > slots + SLOT_BYTES;
  if (queued + frame->packets > MAX_BATCH || is_memory_full) flush(socket_fd);
  uint8_t *start = next_slot;
  int segment_bytes = 0, segments = 0;
  for (int i = 0; i < frame->packets; i++) {
    int is_run_full = segments == MAX_SEGMENTS || next_slot - start + MAX_PACKET_BYTES > MAX_MESSAGE_BYTES;
    int fits = segmented && !is_run_full && frame->bytes[i] + TAG_BYTES <= segment_bytes &&
               (next_slot - start) % segment_bytes == 0; /* only the last segment may be shorter */
    if (segments > 0 && !fits) {
      queue(destination, start, (int)(next_slot - start), segment_bytes);
      start = next_slot;
      segments = 0;
    }
    if (segments == 0) segment_bytes = frame->bytes[i] + TAG_BYTES;
    next_slot += protect(&destinations[destination], next_slot, frame->bytes[i], timestamp);
    segments++;
  }
  queue(destination, start, (int)(next_slot - start), segment_bytes);
}

/* Reads and counts; in a process of its own, as viewers are. */
static void receive(void) {
  static uint8_t bytes[64][MAX_PACKET_BYTES];
  struct mmsghdr incoming[64];
  struct iovec incoming_vectors[64];
  int poll_fd = epoll_create1(0);
  uint64_t received = 0;
  memset(incoming, 0, sizeof incoming);
  for (int i = 0; i < 64; i++) {
    incoming_vectors[i] = (struct iovec){bytes[i], MAX_PACKET_BYTES};
    incoming[i].msg_hdr.msg_iov = &incoming_vectors[i];
    incoming[i].msg_hdr.msg_iovlen = 1;
  }
  for (int i = 0; i < destination_count; i++) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof any;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0) fail("bind");
    if (getsockname(fd, (struct sockaddr *)&any, &length) != 0) fail("getsockname");
    shared->addresses[i] = any;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }
  shared->is_listening = 1;
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll_fd, events, 64, 50);
    if (ready == 0 && shared->is_finished) break;
    for (int i = 0; i < ready; i++) {
      int count = recvmmsg(events[i].data.fd, incoming, 64, MSG_DONTWAIT, NULL);
      if (count > 0) received += (uint64_t)count;
    }
  }
  shared->received = received;
  exit(0);
}

static void run(const char *name, int segmented, int seconds, int frames_per_second) {
  memset(shared, 0, sizeof *shared);
  fflush(stdout);
  pid_t receiver = fork();
  if (receiver < 0) fail("fork");
  if (receiver == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives the sender */
    receive();
  }
  while (!shared->is_listening) {
    if (waitpid(receiver, NULL, WNOHANG) != 0) fail("the receiver ended");
    usleep(1000);
  }

  int socket_fd = socket(AF_INET, SOCK_DGRAM, 0), buffer_bytes = 4 << 20;
  setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
  queued = 0;
  next_slot = slots;
  system_ns = 0;
  uint64_t packets = 0;
  uint64_t cpu_before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), started_at = nanoseconds(CLOCK_MONOTONIC);
  for (int n = 0; n < seconds * frames_per_second; n++) {
    uint64_t due = started_at + (uint64_t)n * 1000000000u / (uint64_t)frames_per_second;
    struct timespec due_at = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due_at, NULL) == EINTR) {}
    const struct frame *frame = &frames[n % frame_count];
    for (int i = 0; i < destination_count; i++) {
      send_frame(socket_fd, frame, i, (uint32_t)n * 3000u, segmented);
      packets += (uint64_t)frame->packets;
    }
    flush(socket_fd);
  }
  uint64_t cpu_ns = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
  close(socket_fd);

  uint64_t sent_system_ns = system_ns;

  /* What encryption alone costs, on the same packets without a socket. */
  uint64_t encrypted = 0;
  uint64_t encrypt_before = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  for (int n = 0; encrypted < 100000; n = (n + 1) % frame_count) {
    for (int i = 0; i < destination_count; i++) {
      next_slot = slots;
      for (int k = 0; k < frames[n].packets; k++, encrypted++) next_slot += protect(&destinations[i], next_slot, frames[n].bytes[k], 0);
    }
  }
  uint64_t encrypt_ns = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - encrypt_before;

  shared->is_finished = 1;
  waitpid(receiver, NULL, 0);
  printf("{\"sending\":\"%s\",\"packets\":%llu,\"received\":%llu,\"cpuNs\":%llu,\"systemNs\":%llu,\"encryptionNsPerPacket\":%.1f}\n",
         name, (unsigned long long)packets, (unsigned long long)shared->received, (unsigned long long)cpu_ns,
         (unsigned long long)sent_system_ns, (double)encrypt_ns / (double)encrypted);
}

int main(int argc, char **argv) {
  if (argc != 4) fail("usage: reference DESTINATIONS SECONDS FRAMES_PER_SECOND < FRAMES");
  destination_count = atoi(argv[1]);
  int seconds = atoi(argv[2]), frames_per_second = atoi(argv[3]);
  if (destination_count < 1 || destination_count > MAX_DESTINATIONS || seconds < 1 || seconds > 60 || frames_per_second < 1) {
    fail("argument out of range");
  }
  load_libcrypto();
  read_frames();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  slots = malloc(SLOT_BYTES);
  if (shared == MAP_FAILED || !slots) fail("memory");
  memset(payload, 0xa5, sizeof payload);
  prepare_destinations();
  run("sendmmsg", 0, seconds, frames_per_second);
  run("sendmmsg with UDP GSO", 1, seconds, frames_per_second);
  return 0;
}
