// x86-64 with the SHA extensions, where the processor has them: eight times as fast, and hashing is
// most of the work of a simulated update.
// @source Intel 64 and IA-32 Architectures Software Developer's Manual, SHA256RNDS2, SHA256MSG1,
// SHA256MSG2; CPUID leaf 7

#include <cpuid.h>
#include <immintrin.h>

#include "base/sha256_compress.hpp"

namespace ota {
namespace {

bool has_sha_extensions() noexcept {
  constexpr unsigned kSsse3And41 = (1U << 9U) | (1U << 19U);  // leaf 1, ECX
  constexpr unsigned kSha = 1U << 29U;                        // leaf 7, EBX
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kSsse3And41) != kSsse3And41) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0;
}

// Before it is set, during static initialisation, the portable function does the same.
const bool kHasShaExtensions = has_sha_extensions();

__m128i load(const void* from) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

/// The instructions keep the state as (a b e f) and (c d g h).
__attribute__((target("sha,sse4.1,ssse3"))) void compress_x86(Sha256State& state,
                                                              Bytes blocks) noexcept {
  const __m128i big_endian = _mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203);
  const __m128i badc = _mm_shuffle_epi32(load(&state[0]), 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(load(&state[4]), 0x1B);
  __m128i abef = _mm_alignr_epi8(badc, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, badc, 0xF0);
  for (; !blocks.empty(); blocks = blocks.subspan(64)) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i w[4];  // the last 16 words of the schedule, four in each
#pragma GCC unroll 16
    for (std::size_t group = 0; group < 16; ++group) {
      __m128i& oldest = w[group % 4];
      const __m128i& newest = w[(group + 3) % 4];
      if (group < 4) {
        oldest = _mm_shuffle_epi8(load(blocks.data() + 16 * group), big_endian);
      } else {
        const __m128i seven_back = _mm_alignr_epi8(newest, w[(group + 2) % 4], 4);
        const __m128i sum =
            _mm_add_epi32(_mm_sha256msg1_epu32(oldest, w[(group + 1) % 4]), seven_back);
        oldest = _mm_sha256msg2_epu32(sum, newest);
      }
      const __m128i rounds = _mm_add_epi32(oldest, load(&kSha256RoundConstants[4 * group]));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, rounds);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(rounds, 0x0E));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  const auto store = [](void* to, __m128i value) {
    _mm_storeu_si128(static_cast<__m128i*>(to), value);
  };
  store(&state[0], _mm_blend_epi16(feba, dchg, 0xF0));
  store(&state[4], _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace

void sha256_compress(Sha256State& state, Bytes blocks) noexcept {
  if (kHasShaExtensions) return compress_x86(state, blocks);
  sha256_compress_portable(state, blocks);
}

}  // namespace ota
