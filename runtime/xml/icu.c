/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxml2's archive wants of ICU: without a single converter.
 *
 * libxml2 knows Unicode, ISO-8859-1 and ASCII itself, asks iconv for the rest, and ICU last. Its library would cost
 * each process two megabytes for encodings that iconv does not have; documents in those are refused as in an unknown
 * encoding. The header gives these functions their real names, which carry the version of ICU. */

#include <stddef.h>
#include <stdlib.h>
#include <unicode/ucnv.h>

U_CAPI UConverter *ucnv_open(const char *name, UErrorCode *err)
{
        *err = U_FILE_ACCESS_ERROR;
        return NULL;
}

/* There is no converter that these could be called with. */

U_CAPI void ucnv_close(UConverter *converter)
{
        abort();
}

U_CAPI void ucnv_setToUCallBack(UConverter *converter, UConverterToUCallback action, const void *context,
                                UConverterToUCallback *old_action, const void **old_context, UErrorCode *err)
{
        abort();
}

U_CAPI void ucnv_setFromUCallBack(UConverter *converter, UConverterFromUCallback action, const void *context,
                                  UConverterFromUCallback *old_action, const void **old_context, UErrorCode *err)
{
        abort();
}

U_CAPI void UCNV_TO_U_CALLBACK_STOP(const void *context, UConverterToUnicodeArgs *args, const char *units,
                                    int32_t length, UConverterCallbackReason reason, UErrorCode *err)
{
        abort();
}

U_CAPI void UCNV_FROM_U_CALLBACK_STOP(const void *context, UConverterFromUnicodeArgs *args, const UChar *units,
                                      int32_t length, UChar32 character, UConverterCallbackReason reason,
                                      UErrorCode *err)
{
        abort();
}

U_CAPI void ucnv_convertEx(UConverter *to, UConverter *from, char **out, const char *out_end, const char **in,
                           const char *in_end, UChar *pivot, UChar **pivot_in, UChar **pivot_out,
                           const UChar *pivot_end, UBool reset, UBool flush, UErrorCode *err)
{
        abort();
}
