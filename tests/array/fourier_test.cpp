// What numpy_test.cpp does not say: single coefficients, more than three axes, derivatives,
// refusals.
#include "cotangent/array/fourier.h"

#include "cotangent/array/random.h"
#include "cotangent/array/transforms.h"
#include "tests/array/support.h"

namespace cotangent::array {
namespace {

TEST(Fft, OfOneWaveIsOneCoefficient) {
  const Array k = arange(8);
  const Complex wave = polar(1.0, 2 * 3.141592653589793 * 3 / 8.0 * k);
  const Complex z = fft(wave);
  expect_equal(z.re, 8.0 * (k == 3));
  expect_equal(z.im, zeros({8}));
  EXPECT_EQ(show(fft(Array::of({1, 0, 0})).re), "f64[3] 1.0 1.0 1.0");
  EXPECT_EQ(fft(ones({4}, DType::kF32)).re.dtype(), DType::kF32);
}

TEST(Fft, TakesAnyAxisAndAnyNumberOfThem) {
  const Complex z(normal(Key(1), {2, 3, 4, 5}), normal(Key(2), {2, 3, 4, 5}));
  Complex one_by_one = z;
  for (int axis = 0; axis < 4; ++axis) one_by_one = fft(one_by_one, {}, axis);
  expect_equal(fftn(z).re, one_by_one.re);
  expect_equal(fftn(z).im, one_by_one.im);
  expect_equal(ifftn(fftn(z)).im, z.im);
  expect_equal(fft2(z).re, fft(fft(z), {}, -2).re);
  expect_equal(irfftn(rfftn(z.re), 5), z.re);
  expect_equal(irfft2(rfft2(z.re, {0, 2}), {}, {0, 2}), z.re);
  expect_equal(irfft(rfft(z.re, {}, 1), 3, 1), z.re);
}

TEST(Fft, FrequenciesAreThoseOfTheCoefficients) {
  EXPECT_EQ(show(fftfreq(5, 0.1)), "f64[5] 0.0 2.0 4.0 -4.0 -2.0");
  EXPECT_EQ(show(fftfreq(4)), "f64[4] 0.0 0.25 -0.5 -0.25");
  EXPECT_EQ(show(rfftfreq(4)), "f64[3] 0.0 0.25 0.5");
  EXPECT_EQ(show(fftshift(fftfreq(4))), "f64[4] -0.5 -0.25 0.0 0.25");
  EXPECT_EQ(show(ifftshift(fftshift(fftfreq(5)))), show(fftfreq(5)));
}

// Parseval: sum |fft(x)|^2 = N sum |x|^2, so its gradient is 2 N x.
TEST(Fft, HasDerivatives) {
  const Array x = normal(Key(3), {6});
  expect_equal(grad([](Array x) { return sum(abs2(fft(x))); })(x), 12.0 * x, 1e-13);
  const Array y = normal(Key(4), {6});
  const auto smooth = [](Array x) { return irfft(rfft(x) * Complex(exp(-1.0 * arange(4))), 6); };
  expect_equal(jvp(smooth, x, y).second, smooth(y), 1e-13);
  const Array lanes = vmap(smooth)(stack({x, y}));
  expect_equal(lanes[1], smooth(y), 1e-13);
}

TEST(Fft, RefusesWhatItCannotDo) {
  EXPECT_THAT(error_of([] { fft(Complex(ones({3})), {}, 1); }),
              testing::HasSubstr("[fft] axis 1 of an array with 1 axis"));
  EXPECT_THAT(error_of([] { fft(Complex(ones({3})), 0); }), testing::HasSubstr("[fft] length 0"));
  EXPECT_THAT(error_of([] { fftn(Complex(ones({3, 3})), {0, 0}); }),
              testing::HasSubstr("an axis is named twice"));
  EXPECT_THAT(error_of([] { rfftn(Array(1.0)); }), testing::HasSubstr("[rfftn] of no axis"));
}

}  // namespace
}  // namespace cotangent::array
