/* Makes a key from a secret of any length, and digits from a digest. */
#include "server/presence/proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ev/sip_hash.h"

/* "lubdub proof, 1". It stays: nodes of all versions must come to the same number. */
static const uint64_t name_of_use[2] = {0x702062756462756cU, 0x0031202c666f6f72U};

void presence_proof_key(struct lubdub_slice secret, uint8_t key[PRESENCE_PROOF_KEY_SIZE])
{
    uint64_t digest[2];

    lubdub_sip_hash_128(name_of_use, secret.data, secret.length, digest);
    memcpy(key, digest, sizeof digest);
}

const char *presence_proof_write(uint64_t proof, char target[PRESENCE_PROOF_SIZE])
{
    if (proof == 0) {
        return strcpy(target, "-");
    }
    snprintf(target, PRESENCE_PROOF_SIZE, "%016" PRIx64, proof);
    return target;
}
