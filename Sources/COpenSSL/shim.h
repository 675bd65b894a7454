#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Functions for OpenSSL's function-like macros and variadic functions, which Swift does not import.

static inline long tls_context_set_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_mode(context, mode);
}

static inline long tls_context_set_read_ahead(SSL_CTX *context, int on) {
    return SSL_CTX_set_read_ahead(context, on);
}

static inline int tls_context_set_min_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int tls_context_set_max_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}

static inline long tls_context_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int tls_context_set_groups(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, names);
}

static inline int tls_context_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// Renegotiation and compression have both allowed attacks, and the server knows its hardware best.
static inline void tls_context_set_server_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                     | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

static inline void tls_context_set_owner(SSL_CTX *context, void *owner) {
    SSL_CTX_set_app_data(context, owner);
}

static inline void *tls_context_owner(const SSL_CTX *context) {
    return SSL_CTX_get_app_data(context);
}

static inline int tls_session_set_server_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

static inline int tls_error_library(unsigned long code) {
    return ERR_GET_LIB(code);
}

static inline int tls_error_reason(unsigned long code) {
    return ERR_GET_REASON(code);
}

static inline EVP_PKEY *tls_make_key_p256(void) {
    return EVP_EC_gen("P-256");
}

static inline long tls_memory_bytes(BIO *memory, const char **bytes) {
    return BIO_get_mem_data(memory, (char **)bytes);
}

static inline int tls_names_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}

static inline const GENERAL_NAME *tls_names_at(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

static inline void tls_names_free(GENERAL_NAMES *names) {
    GENERAL_NAMES_free(names);
}

static inline int tls_name_print(BIO *memory, const X509_NAME *name) {
    return X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253);
}

static inline int tls_chain_count(const STACK_OF(X509) *chain) {
    return sk_X509_num(chain);
}
