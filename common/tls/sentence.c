/* Chooses the sentences. What one side says of the other's certificate, the other side hears as an alert. */
#include "tls/sentence.h"

#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

/* The same sentence for both roles, by what the peer is. */
#define ABOUT(role, of_server, of_client) ((role) == LUBDUB_ROLE_CLIENT ? (of_server) : (of_client))

static const char *sentence_of_fault(long fault, enum lubdub_role role)
{
    switch (fault) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return ABOUT(role, "the server's certificate has expired", "the client's certificate has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return ABOUT(role, "the server's certificate is not valid yet; is the clock of this machine right?",
                     "the client's certificate is not valid yet; is the clock of this machine right?");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "the server's certificate is for another name";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return ABOUT(role, "the server's certificate was not issued by an authority that is trusted here",
                     "the client's certificate was not issued by an authority that is trusted here");
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return ABOUT(role, "the server's certificate has a wrong signature: it is of another authority of that name",
                     "the client's certificate has a wrong signature: it is of another authority of that name");
    case X509_V_ERR_EE_KEY_TOO_SMALL:
        return ABOUT(role, "the server's certificate has a key that is too short",
                     "the client's certificate has a key that is too short");
    case X509_V_ERR_INVALID_PURPOSE:
        return ABOUT(role, "the server's certificate is not one for servers",
                     "the client's certificate is not one for clients");
    default:
        return X509_verify_cert_error_string(fault);
    }
}

/* role: ours; the peer has sent the alert. */
static const char *sentence_of_alert(int alert, enum lubdub_role role)
{
    switch (alert) {
    case SSL_AD_CERTIFICATE_EXPIRED:
        return ABOUT(role, "the server refuses our certificate: it has expired",
                     "the client refuses our certificate: it has expired");
    case SSL_AD_UNKNOWN_CA:
        return ABOUT(role, "the server refuses our certificate: it does not trust the authority that issued it",
                     "the client refuses our certificate: it does not trust the authority that issued it");
    case SSL_AD_CERTIFICATE_REVOKED:
        return ABOUT(role, "the server refuses our certificate: it was revoked",
                     "the client refuses our certificate: it was revoked");
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_DECRYPT_ERROR:
        return ABOUT(role, "the server refuses our certificate: it is bad, or not valid yet",
                     "the client refuses our certificate: it is for another name, not valid yet, or bad");
    case SSL_AD_CERTIFICATE_REQUIRED:
        return ABOUT(role, "the server requires a client's certificate", "the client requires a certificate");
    case SSL_AD_PROTOCOL_VERSION:
        return ABOUT(role, "the server takes no version of TLS that is spoken here (1.2 and 1.3)",
                     "the client takes no version of TLS that is spoken here (1.2 and 1.3)");
    case SSL_AD_HANDSHAKE_FAILURE:
        return ABOUT(role,
                     "the server refuses the handshake: no cipher in common, or it requires a client's certificate",
                     "the client refuses the handshake: no cipher in common");
    case SSL_AD_NO_APPLICATION_PROTOCOL:
        return ABOUT(role, "the server speaks TLS, but not for this protocol (ALPN lubdub/1)",
                     "the client speaks TLS, but not for this protocol (ALPN lubdub/1)");
    case SSL_AD_INTERNAL_ERROR:
        return ABOUT(role, "the server has an internal error of its TLS",
                     "the client has an internal error of its TLS");
    default:
        return ABOUT(role, "the server ends the connection with an alert of TLS",
                     "the client ends the connection with an alert of TLS");
    }
}

static const char *sentence_of_reason(int reason, enum lubdub_role role)
{
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
        return ABOUT(role, "the server does not speak TLS on this port", "the client does not speak TLS");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return ABOUT(role, "the server speaks no version of TLS that is taken here (1.2 and 1.3)",
                     "the client speaks no version of TLS that is taken here (1.2 and 1.3)");
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        return "the two sides have no cipher, curve or signature in common";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "the client gives no certificate, and one is required";
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return "the client asks for another protocol (ALPN) than lubdub/1";
    case SSL_R_NO_RENEGOTIATION:
        return "the peer asks to renegotiate, which is off";
    default:
        return NULL;
    }
}

const char *lubdub_tls_sentence(const SSL *ssl, enum lubdub_role role)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    long fault = SSL_get_verify_result(ssl);
    const char *sentence = NULL;

    ERR_clear_error();
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        return "an error of the TLS library";
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && fault != X509_V_OK) {
        return sentence_of_fault(fault, role);
    }
    if (reason >= SSL_AD_REASON_OFFSET) {
        return sentence_of_alert(reason - SSL_AD_REASON_OFFSET, role);
    }
    sentence = sentence_of_reason(reason, role);
    if (sentence == NULL) {
        sentence = ERR_reason_error_string(error);
    }
    return sentence != NULL ? sentence : "the bytes are no TLS";
}
