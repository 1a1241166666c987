/* Whether this was built with AddressSanitizer: gcc says it by a macro, clang by a feature. */
#ifndef MAILFERRY_BASE_SANITIZER_H
#define MAILFERRY_BASE_SANITIZER_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define BASE_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define BASE_ADDRESS_SANITIZER 1
#endif

#endif
