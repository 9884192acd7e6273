#include <distworker.h>

const char* dw_version(void) {
    return DISTWORKER_VERSION ", the engine alone";
}
