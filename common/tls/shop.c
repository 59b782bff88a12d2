/* Makes the BIO, and the shop around it. */
#include "tls/shop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static BIO_METHOD *method;
static pthread_once_t method_is_made = PTHREAD_ONCE_INIT;

static int read_input(BIO *bio, char *target, int capacity)
{
    struct lubdub_shop *shop = BIO_get_data(bio);
    size_t length = shop->input_length - shop->input_at;

    BIO_clear_retry_flags(bio);
    if (length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (length > (size_t)capacity) {
        length = (size_t)capacity;
    }
    memcpy(target, shop->input + shop->input_at, length);
    shop->input_at += length;
    return (int)length;
}

/* It has to fit: a part of a record cannot be given back. */
static int write_output(BIO *bio, const char *bytes, int length)
{
    struct lubdub_shop *shop = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if ((size_t)length > sizeof shop->output - shop->output_length) {
        return -1;
    }
    memcpy(shop->output + shop->output_length, bytes, (size_t)length);
    shop->output_length += (size_t)length;
    return length;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* Once for the process: OpenSSL has a bounded number of types. */
static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lubdub");
    if (method != NULL) {
        BIO_meth_set_read(method, read_input);
        BIO_meth_set_write(method, write_output);
        BIO_meth_set_ctrl(method, control);
    }
}

static void close_shop(void *pointer)
{
    struct lubdub_shop *shop = pointer;

    lubdub_gate_clear(&shop->gate);
    BIO_free(shop->bio);
    free(shop);
}

struct lubdub_shop *lubdub_shop_of(struct lubdub_transports *all)
{
    struct lubdub_shop *shop = all->shop;

    if (shop != NULL) {
        return shop;
    }
    pthread_once(&method_is_made, make_method);
    shop = calloc(1, sizeof *shop);
    if (shop == NULL || method == NULL || (shop->bio = BIO_new(method)) == NULL) {
        free(shop);
        return NULL;
    }
    BIO_set_data(shop->bio, shop);
    BIO_set_init(shop->bio, 1);
    if (all->limits.most == 0) {
        all->limits = (struct lubdub_handshake_limits){LUBDUB_HANDSHAKES_MOST, LUBDUB_HANDSHAKES_PER_TURN,
                                                       LUBDUB_HANDSHAKE_WORK, LUBDUB_HANDSHAKE_PATIENCE};
    }
    lubdub_gate_init(&shop->gate, all->loop, &all->counts, &all->limits);
    all->shop = shop;
    all->close_shop = close_shop;
    return shop;
}
