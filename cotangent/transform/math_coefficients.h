// Written by tools/minimax.py; do not edit. Lowest coefficient first.
#pragma once

namespace cotangent::transform::coefficients {

/// (e^r - 1 - r)/r^2, |r| <= ln(2)/2; error 7.2e-19 of the function's value.
inline constexpr double kExp[] = {
    0x1.0000000000000p-1,  0x1.555555555555bp-3,  0x1.5555555555503p-5,  0x1.111111110ec5ep-7,
    0x1.6c16c16c3042fp-10, 0x1.a01a01b37df04p-13, 0x1.a01a0136a6cadp-16, 0x1.71ddf02155b4bp-19,
    0x1.27e5b41c271bdp-22, 0x1.af6be7316c018p-26, 0x1.1e3d65f7c60edp-29,
};

/// the same in f32; error 3.6e-9 of the function's value.
inline constexpr float kExpF[] = {
    0x1.fffffc0000000p-2f, 0x1.5554940000000p-3f,  0x1.55588a0000000p-5f,
    0x1.1239ae0000000p-7f, 0x1.6a8c2c0000000p-10f,
};

/// the same, for e^r - 1; error 9.1e-19 of the function's value.
inline constexpr double kExpm1[] = {
    0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.555555555553fp-5,  0x1.111111110f6d9p-7,
    0x1.6c16c16c1f06ap-10, 0x1.a01a01afd4407p-13, 0x1.a01a017bcd14fp-16, 0x1.71ddf87dd9fa4p-19,
    0x1.27e5361ab3324p-22, 0x1.af5e767af1571p-26, 0x1.1ee8a637a0432p-29,
};

/// the same in f32; error 6.8e-10 of the function's value.
inline constexpr float kExpm1F[] = {
    0x1.0000000000000p-1f, 0x1.5555540000000p-3f,  0x1.5554fa0000000p-5f,
    0x1.1112b80000000p-7f, 0x1.6d3bc80000000p-10f, 0x1.9f15880000000p-13f,
};

/// (sin r - r)/r^3 in z = r^2, |r| <= pi/4; error 3.7e-18 of the function's value.
inline constexpr double kSin[] = {
    -0x1.5555555555548p-3, 0x1.111111110f730p-7,   -0x1.a01a019be9215p-13,
    0x1.71de35552b244p-19, -0x1.ae5e4b83b54a8p-26, 0x1.5d8b5583c1bbfp-33,
};

/// (cos r - 1 + r^2/2)/r^4 in z = r^2, |r| <= pi/4; error 5.7e-20 of the function's value.
inline constexpr double kCos[] = {
    0x1.555555555554bp-5,   -0x1.6c16c16c15014p-10, 0x1.a01a019c8efb3p-16,
    -0x1.27e4f7f169ae2p-22, 0x1.1ee9dbaf17517p-29,  -0x1.8fa671e1c3206p-37,
};

/// the first in f32; error 1.7e-10 of the function's value.
inline constexpr float kSinF[] = {
    -0x1.5555560000000p-3f,
    0x1.1111720000000p-7f,
    -0x1.a056a00000000p-13f,
    0x1.7b57540000000p-19f,
};

/// the second in f32; error 1.4e-10 of the function's value.
inline constexpr float kCosF[] = {
    0x1.55554a0000000p-5f,
    -0x1.6c0c140000000p-10f,
    0x1.99de6a0000000p-16f,
};

/// (log((1+s)/(1-s)) - 2s)/s^3 in z = s^2, |s| <= 0.1716; error 1.2e-18 of the function's value.
inline constexpr double kLog[] = {
    0x1.5555555555593p-1, 0x1.999999997f9fbp-2, 0x1.249249422a08fp-2, 0x1.c71c51d80a617p-3,
    0x1.746649a1d7f80p-3, 0x1.39a0970da4be8p-3, 0x1.2f116f183690cp-3,
};

/// the same in f32; error 8.2e-10 of the function's value.
inline constexpr float kLogF[] = {
    0x1.55557a0000000p-1f,
    0x1.995ecc0000000p-2f,
    0x1.31e23e0000000p-2f,
};

/// (log((1+s)/(1-s)) - 2s - 2s^3/3)/s^5 in z = s^2; error 1.1e-20 of the function's value.
inline constexpr double kLogTail[] = {
    0x1.9999999999b33p-2, 0x1.249249245777ep-2, 0x1.c71c722def992p-3, 0x1.745ce9b2701adp-3,
    0x1.3b1ef52f95bd0p-3, 0x1.0f7f0d481d5eap-3, 0x1.0e4ae9caaba40p-3,
};

/// the same in f32; error 8.5e-12 of the function's value.
inline constexpr float kLogTailF[] = {
    0x1.999a000000000p-2f,
    0x1.24527a0000000p-2f,
    0x1.dfa3080000000p-3f,
};

/// (atan t - t)/t^3 in z = t^2, |t| <= tan(pi/8); error 1.3e-18 of the function's value.
inline constexpr double kAtan[] = {
    -0x1.555555555553cp-2, 0x1.999999999564dp-3, -0x1.24924922a060dp-3, 0x1.c71c70e1046f6p-4,
    -0x1.745cf84b3efa5p-4, 0x1.3b110ef9ce41ep-4, -0x1.10eb44531383fp-4, 0x1.df08a73666124p-5,
    -0x1.9cb493e03e74ap-5, 0x1.37886250eb5e3p-5, -0x1.24bfbac2f175cp-6,
};

/// the same in f32; error 7.0e-10 of the function's value.
inline constexpr float kAtanF[] = {
    -0x1.55554a0000000p-2f, 0x1.9991e00000000p-3f,  -0x1.23b9640000000p-3f,
    0x1.b21fb80000000p-4f,  -0x1.f2ca0a0000000p-5f,
};

/// (asin t - t)/t^3 in z = t^2, |t| <= 1/2; error 1.5e-17 of the function's value.
inline constexpr double kAsin[] = {
    0x1.555555555538ep-3, 0x1.333333336ec38p-4, 0x1.6db6db424bfb2p-5,  0x1.f1c72c48c4b6fp-6,
    0x1.6e89f2b44e3ffp-6, 0x1.1c6bf9d965b63p-6, 0x1.c6fbd4063590ep-7,  0x1.8ed00344555e2p-7,
    0x1.ab5bc3746ea13p-8, 0x1.4045a16712c57p-6, -0x1.0a5501131c793p-6, 0x1.059ad65b2c363p-5,
};

/// the same in f32; error 4.9e-9 of the function's value.
inline constexpr float kAsinF[] = {
    0x1.5555c80000000p-3f, 0x1.3301fc0000000p-4f, 0x1.747d060000000p-5f,
    0x1.8c2d840000000p-6f, 0x1.596d600000000p-5f,
};

/// (erf(x)/x - 2/sqrt(pi))/z in z = x^2, |x| <= 1; error 7.7e-18 of the function's value.
inline constexpr double kErf[] = {
    -0x1.812746b0379cbp-2,  0x1.ce2f21a0412fcp-4,  -0x1.b82ce3120c5e9p-6,  0x1.565bccfb052bap-8,
    -0x1.c02db079f181ap-11, 0x1.f9a2bf8c64b64p-14, -0x1.f4ca901cb0829p-17, 0x1.b98224b5a3527p-20,
    -0x1.5c1414c8a326ap-23, 0x1.d76d5a76d9062p-27, -0x1.ac920f7365fa9p-31,
};

/// the same in f32; error 1.5e-9 of the function's value.
inline constexpr float kErfF[] = {
    -0x1.8127400000000p-2f, 0x1.ce2d280000000p-4f,   -0x1.b7fab00000000p-6f,
    0x1.540a3c0000000p-8f,  -0x1.a3ec540000000p-11f, 0x1.48f0ba0000000p-14f,
};

/// (sinh t - t)/t^3 in z = t^2, |t| <= 1; error 2.5e-19 of the function's value.
inline constexpr double kSinh[] = {
    0x1.5555555555556p-3,  0x1.111111111101ep-7,  0x1.a01a01a037269p-13, 0x1.71de3a3b06bcep-19,
    0x1.ae646ff50e17ep-26, 0x1.6116f49dd528bp-33, 0x1.b5c8988ff815ap-41,
};

/// the same in f32; error 3.0e-10 of the function's value.
inline constexpr float kSinhF[] = {
    0x1.5555560000000p-3f,
    0x1.1110e00000000p-7f,
    0x1.a022ba0000000p-13f,
    0x1.756cb40000000p-19f,
};

/// (tanh t - t)/t^3 in z = t^2, |t| <= 0.55; error 5.8e-19 of the function's value.
inline constexpr double kTanh[] = {
    -0x1.555555555554fp-2,  0x1.111111111078fp-3,  -0x1.ba1ba1b97c9b0p-5,  0x1.664f48593950ap-6,
    -0x1.226e2f0d269b3p-7,  0x1.d6d29a654f0d0p-9,  -0x1.7d8fc3d880f94p-10, 0x1.3483289a4b145p-11,
    -0x1.e96a4da053bb7p-13, 0x1.5d644427db4a1p-14, -0x1.46e854073afabp-16,
};

/// the same in f32; error 1.2e-10 of the function's value.
inline constexpr float kTanhF[] = {
    -0x1.5555540000000p-2f, 0x1.1110820000000p-3f,  -0x1.b9f3920000000p-5f,
    0x1.63b8420000000p-6f,  -0x1.0c83fc0000000p-7f, 0x1.193d280000000p-9f,
};

/// e^(a^2) erfc(a) in t = (a - 3)/(a + 3), 1 <= a <= 6; error 1.2e-17 of the function's value.
inline constexpr double kErfOne[] = {
    0x1.6e9827d2297c3p-3,   -0x1.4e102b9d06da5p-2, 0x1.f6ff203ee6864p-3,  -0x1.336ffbedd3b67p-3,
    0x1.258b173eb6641p-4,   -0x1.8fa4c8a1ac0d9p-6, 0x1.17de62cd3605bp-8,  0x1.7622f9860b104p-11,
    -0x1.301788d41e21ap-11, 0x1.473933932cbb6p-14, 0x1.b578b1473092cp-14, 0x1.07210f6c3aa59p-16,
};

/// the same in f32, 1 <= a <= 4; error 3.2e-11 of the function's value.
inline constexpr float kErfOneF[] = {
    0x1.6e98060000000p-3f, -0x1.4e12460000000p-2f, 0x1.f6cca80000000p-3f,  -0x1.34a2a40000000p-3f,
    0x1.1d75bc0000000p-4f, -0x1.cc113e0000000p-6f, 0x1.d9a0de0000000p-11f,
};

/// (1 + 2a) e^(a^2) erfc(a) in t = (a - 3)/(a + 3), 0.5 <= a <= 27.3: the first coefficient.
inline constexpr double kErfcFirst[] = {0x1.40c522d7e4987p+0, 0x1.3a7d74a7f41a6p-60};

/// its other coefficients; error 5.5e-17 of the function's value.
inline constexpr double kErfc[] = {
    -0x1.15c084bb9e8f1p-3,  -0x1.85a15c58a9c6fp-5,  0x1.098366a5b45a9p-3,  -0x1.e88b803a5bda1p-4,
    0x1.17ca2877f8a7ep-4,   -0x1.8574c40496117p-6,  0x1.4b884e2c47444p-9,  0x1.ef1bd793d9de8p-10,
    -0x1.98db4c1b13339p-11, -0x1.b90fd9c73b76fp-14, 0x1.06599c7ca76a8p-13, 0x1.4b69803ef991ap-18,
    -0x1.5124575f89719p-16, -0x1.77c5d3c42efbep-21, 0x1.cfeb97f76cd3cp-19, 0x1.4292d542fe0ffp-22,
    -0x1.3ba075801b6cbp-21, -0x1.5d9b84d355018p-24, 0x1.38b18bca55d6ep-24, 0x1.fa15315ee8e67p-28,
};

/// the same in f32, 0.5 <= a <= 10.1: the first coefficient.
inline constexpr double kErfcFirstF[] = {0x1.40c522d8cdbecp+0, 0x1.2fd7e688236bdp-54};

/// its other coefficients; error 5.4e-9 of the function's value.
inline constexpr float kErfcF[] = {
    -0x1.15c07e0000000p-3f, -0x1.85a1820000000p-5f, 0x1.0982220000000p-3f,
    -0x1.e88a5e0000000p-4f, 0x1.17e9860000000p-4f,  -0x1.8575440000000p-6f,
    0x1.38c6020000000p-9f,  0x1.e4c8020000000p-10f, -0x1.0de3100000000p-11f,
};

/// m^(-1/3), 1 <= m < 8, in m; error 0.0013 of the function's value.
inline constexpr double kCbrt[] = {
    0x1.80a0f79818f42p+0, -0x1.86a09b022732ep-1,  0x1.57086aed56172p-2,  -0x1.6898c30adf158p-4,
    0x1.b1ff2f9a91bc0p-7, -0x1.13662ee719530p-10, 0x1.1d2fb893b4e74p-15,
};

/// the same in f32; error 0.007 of the function's value.
inline constexpr float kCbrtF[] = {
    0x1.5673a40000000p+0f,  -0x1.c369da0000000p-2f, 0x1.bc6f200000000p-4f,
    -0x1.a98c1e0000000p-7f, 0x1.32dd2c0000000p-11f,
};

}  // namespace cotangent::transform::coefficients
