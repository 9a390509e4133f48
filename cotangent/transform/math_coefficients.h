// Written by tools/minimax.py; do not edit. Lowest coefficient first.
#pragma once

namespace cotangent::transform::coefficients {

/// (e^r - 1 - r)/r^2, |r| <= ln(2)/2; error 3.4e-19 of the function's value.
inline constexpr double kExp[] = {
    0x1.0000000000000p-1,
    0x1.5555555555557p-3,
    0x1.5555555555556p-5,
    0x1.11111111100dcp-7,
    0x1.6c16c16c162d4p-10,
    0x1.a01a01abe7fe1p-13,
    0x1.a01a01a6d889cp-16,
    0x1.71de0231960ebp-19,
    0x1.27e4db646b17ep-22,
    0x1.af4de97ca4194p-26,
    0x1.1f730349868cep-29,
};

/// the same in f32; error 1.1e-8 of the function's value.
inline constexpr float kExpF[] = {
    0x1.0000000000000p-1f,
    0x1.5554dc0000000p-3f,
    0x1.55551a0000000p-5f,
    0x1.120b6e0000000p-7f,
    0x1.6d110a0000000p-10f,
};

/// the same, for e^r - 1; error 1.4e-18 of the function's value.
inline constexpr double kExpm1[] = {
    0x1.0000000000000p-1,
    0x1.5555555555555p-3,
    0x1.5555555555557p-5,
    0x1.1111111111111p-7,
    0x1.6c16c16c15a68p-10,
    0x1.a01a01a0196acp-13,
    0x1.a01a01a9e991bp-16,
    0x1.71de3a5aa7bb7p-19,
    0x1.27e4d41966f2fp-22,
    0x1.ae642c82e33d5p-26,
    0x1.1f7f2776cfaf2p-29,
    0x1.61bfaa228dde5p-33,
};

/// the same in f32; error 1.7e-9 of the function's value.
inline constexpr float kExpm1F[] = {
    0x1.0000000000000p-1f,
    0x1.5555560000000p-3f,
    0x1.5554ea0000000p-5f,
    0x1.1110e00000000p-7f,
    0x1.6d43240000000p-10f,
    0x1.a124f20000000p-13f,
};

/// (sin r - r)/r^3 in z = r^2, |r| <= pi/4; error 2.0e-17 of the function's value.
inline constexpr double kSin[] = {
    -0x1.5555555555555p-3,
    0x1.1111111110bb2p-7,
    -0x1.a01a019e83816p-13,
    0x1.71de379654304p-19,
    -0x1.ae600aca92c64p-26,
    0x1.5e0b05bff20f2p-33,
};

/// (cos r - 1 + r^2/2)/r^4 in z = r^2, |r| <= pi/4; error 1.3e-18 of the function's value.
inline constexpr double kCos[] = {
    0x1.5555555555555p-5,
    -0x1.6c16c16c16967p-10,
    0x1.a01a019f4e9b4p-16,
    -0x1.27e4fa17bf139p-22,
    0x1.1eeb68cd22f56p-29,
    -0x1.907d8f29fe831p-37,
};

/// the first in f32; error 3.4e-9 of the function's value.
inline constexpr float kSinF[] = {
    -0x1.5555560000000p-3f,
    0x1.11110e0000000p-7f,
    -0x1.a013a80000000p-13f,
    0x1.6dbdee0000000p-19f,
};

/// the second in f32; error 8.3e-10 of the function's value.
inline constexpr float kCosF[] = {
    0x1.5555540000000p-5f,
    -0x1.6c12d20000000p-10f,
    0x1.9bd8800000000p-16f,
};

/// (log((1+s)/(1-s)) - 2s)/s^3 in z = s^2, |s| <= 0.1716; error 5.4e-19 of the function's value.
inline constexpr double kLog[] = {
    0x1.5555555555555p-1,
    0x1.9999999999a39p-2,
    0x1.2492492476a1ap-2,
    0x1.c71c7201a55d7p-3,
    0x1.745cf8e4bba1bp-3,
    0x1.3b1c3c1c81c8fp-3,
    0x1.0fbde0f4ad17bp-3,
    0x1.0c0aff044a970p-3,
};

/// the same in f32; error 3.0e-10 of the function's value.
inline constexpr float kLogF[] = {
    0x1.5555560000000p-1f,
    0x1.9999ec0000000p-2f,
    0x1.245c280000000p-2f,
    0x1.ddd4da0000000p-3f,
};

/// (log((1+s)/(1-s)) - 2s - 2s^3/3)/s^5 in z = s^2; error 1.0e-20 of the function's value.
inline constexpr double kLogTail[] = {
    0x1.999999999999ap-2,
    0x1.2492492492522p-2,
    0x1.c71c71c6ea5acp-3,
    0x1.745d177ad436ap-3,
    0x1.3b1395b82701ep-3,
    0x1.1118cd67251c5p-3,
    0x1.df7ba1f4809c3p-4,
    0x1.e03a7acf07f85p-4,
};

/// (atan t - t)/t^3 in z = t^2, |t| <= tan(pi/8); error 3.0e-18 of the function's value.
inline constexpr double kAtan[] = {
    -0x1.5555555555555p-2,
    0x1.9999999999952p-3,
    -0x1.249249248d739p-3,
    0x1.c71c71c2fc236p-4,
    -0x1.745d165c497f3p-4,
    0x1.3b1392a9c2d8bp-4,
    -0x1.110e84aa36d9dp-4,
    0x1.e199c62156609p-5,
    -0x1.ac7858539e493p-5,
    0x1.74d3a7b43351ap-5,
    -0x1.1b1992aa413c9p-5,
    0x1.0a997ba33c1dbp-6,
};

/// (asin t - t)/t^3 in z = t^2, |t| <= 1/2; error 5.3e-18 of the function's value.
inline constexpr double kAsin[] = {
    0x1.5555555555556p-3,
    0x1.3333333332ec4p-4,
    0x1.6db6db6e3292ep-5,
    0x1.f1c71c1d4aa0dp-6,
    0x1.6e8bb1d89492bp-6,
    0x1.1c4d343fa57f6p-6,
    0x1.c9cf3759fd8ffp-7,
    0x1.78246f32d075cp-7,
    0x1.524ea8b3aad31p-7,
    0x1.653a8f8cfd43cp-8,
    0x1.1d661531b222ep-6,
    -0x1.e7a24f548c99fp-7,
    0x1.d78189767524ep-6,
};

/// (erf(x)/x - 2/sqrt(pi))/z in z = x^2, |x| <= 1/2; error 2.9e-18 of the function's value.
inline constexpr double kErf[] = {
    -0x1.812746b0379e7p-2,
    0x1.ce2f21a042be2p-4,
    -0x1.b82ce31288b13p-6,
    0x1.565bcd0e6738ep-8,
    -0x1.c02db3fdba119p-11,
    0x1.f9a325cb67f8fp-14,
    -0x1.f4d2061b0dba6p-17,
    0x1.b9d791f41c41fp-20,
    -0x1.5dd2aa62eb12ep-23,
    0x1.cac3adf531b41p-27,
};

/// (sinh t - t)/t^3 in z = t^2, |t| <= 1; error 8.0e-18 of the function's value.
inline constexpr double kSinh[] = {
    0x1.5555555555555p-3,
    0x1.1111111111111p-7,
    0x1.a01a01a01a001p-13,
    0x1.71de3a556f972p-19,
    0x1.ae64567929d60p-26,
    0x1.612467cd33b6dp-33,
    0x1.ae777bd0e83dfp-41,
    0x1.99f09fd512ca7p-49,
};

/// (tanh t - t)/t^3 in z = t^2, |t| <= 1/2; error 4.9e-18 of the function's value.
inline constexpr double kTanh[] = {
    -0x1.5555555555555p-2,
    0x1.11111111110ecp-3,
    -0x1.ba1ba1ba15d59p-5,
    0x1.664f487feaf6dp-6,
    -0x1.226e34a7d8966p-7,
    0x1.d6d39b2a0906ap-9,
    -0x1.7d9e720f64aeep-10,
    0x1.350cc7c289ae6p-11,
    -0x1.efa9dd5d1334ap-13,
    0x1.71e5729da5fccp-14,
    -0x1.810342b83f4d7p-16,
};

/// erf about the centres of [1/2, 6] cut into 22 intervals; error 5.1e-17 of the function's value.
inline constexpr double kErfTable[12][22] = {
    {0x1.3f196dcd0f135p-1, 0x1.91724951b8fc6p-1, 0x1.c6dad2829ec62p-1, 0x1.e5768c3b4a3fcp-1, 0x1.f4f693b67bd77p-1, 0x1.fbe61eef4cf6ap-1, 0x1.fea4218d6594ap-1, 0x1.ff9960f3eb327p-1, 0x1.ffe514bbdc197p-1, 0x1.fff9ba420e834p-1, 0x1.fffeb3ebb267bp-1, 0x1.ffffc316d9ed0p-1, 0x1.fffff618c3da6p-1, 0x1.fffffe92ced93p-1, 0x1.ffffffd169d0cp-1, 0x1.fffffffabd229p-1, 0x1.ffffffff79626p-1, 0x1.fffffffff4188p-1, 0x1.ffffffffff11ap-1, 0x1.ffffffffffef8p-1, 0x1.ffffffffffff0p-1, 0x1.fffffffffffffp-1},
    {0x1.86e9694134b9ep-1, 0x1.0cab61f084b93p-1, 0x1.45e99bcbb7915p-2, 0x1.5ce595c455b0ap-3, 0x1.499d478bca735p-4, 0x1.12ceb37ff9bc3p-5, 0x1.94624e78e0fafp-7, 0x1.06918b6355624p-8, 0x1.2ce898809244ep-10, 0x1.30538fbb77ecdp-12, 0x1.0f9e1b4dd36dfp-14, 0x1.abe09e9144b60p-17, 0x1.296a70f414056p-19, 0x1.6ce1aa3fd7bdep-22, 0x1.8b0cfce0579c9p-25, 0x1.7974e743de9d8p-28, 0x1.3e44e45301a86p-31, 0x1.d9a880f3067b6p-35, 0x1.370ab8327a8fap-38, 0x1.68823e52960b2p-42, 0x1.70beaf9c7de5bp-46, 0x1.4cd9c041552bap-50},
    {-0x1.e8a3c39181e6dp-2, -0x1.d62beb64e84b2p-2, -0x1.6ea6cf452e88bp-2, -0x1.dfbbadedf5d0dp-3, -0x1.0bcfca2194774p-3, -0x1.01a1c847fa1b2p-4, -0x1.ada873606f135p-6, -0x1.37ccd585f57d2p-7, -0x1.8af14828c01a2p-9, -0x1.b5781e9d7c3eap-11, -0x1.a8670aa9998e6p-13, -0x1.690585ca90b67p-15, -0x1.0d88765d31c40p-17, -0x1.617a9cedde0a9p-20, -0x1.976564c774c10p-23, -0x1.9cd7dcf28a6fep-26, -0x1.6fffa800a5983p-29, -0x1.20a2ae953c6f9p-32, -0x1.8e85bc03d59d8p-36, -0x1.e46f03c633c61p-40, -0x1.03461380f70f9p-43, -0x1.e8dfd276738e3p-48},
    {-0x1.c8105021684b6p-5, 0x1.7c9d756a11577p-4, 0x1.4cb3cf0aa0bd5p-3, 0x1.4374d82e04c98p-3, 0x1.d6631e1a28e95p-4, 0x1.143d1c6f4f062p-4, 0x1.0ea475da3be57p-5, 0x1.c1ec102e3652bp-7, 0x1.407fbd18f129dp-8, 0x1.89e17c074d427p-10, 0x1.a3737e2a2f1c6p-12, 0x1.84522fe881164p-14, 0x1.394b1fa670b7fp-16, 0x1.b95fa39b39e30p-19, 0x1.0fdac559b8897p-21, 0x1.252af6f493244p-24, 0x1.1508f768fe3abp-27, 0x1.cb2a2e568c113p-31, 0x1.4decacbffa015p-34, 0x1.aa76120fd3d46p-38, 0x1.de74c0de931c9p-42, 0x1.d7c14a00b3fb2p-46},
    {0x1.6963c8a394a22p-3, 0x1.cc60567dcb2f2p-4, 0x1.ca5083176cd42p-6, -0x1.f3b8d52d65ce9p-6, -0x1.974c0368b26acp-5, -0x1.5a316520d72b3p-5, -0x1.afe553fa2b847p-6, -0x1.ae59615f4763cp-7, -0x1.62d4c6d46e3ffp-8, -0x1.ed4ac7db216e4p-10, -0x1.24544f03686b3p-11, -0x1.298f8d46e1d55p-13, -0x1.05760ad2036e9p-15, -0x1.8e1fc4118b714p-18, -0x1.07600c9d410b0p-20, -0x1.2f7354c9f1325p-23, -0x1.30fd0c28185cap-26, -0x1.0bc6ec8bd72d2p-29, -0x1.9b3c5459846f0p-33, -0x1.146fad67ac71fp-36, -0x1.459c7eefa11d5p-40, -0x1.504299db54c55p-44},
    {-0x1.c1242dff5208fp-6, -0x1.1350f4b216313p-4, -0x1.f65d15f1f9ca6p-5, -0x1.f572c4c90f4a0p-6, -0x1.17d430bd1edc1p-9, 0x1.779b1e574b71ep-7, 0x1.9973b48a1754cp-7, 0x1.11dae4734632bp-7, 0x1.146c4b3e0c3f8p-8, 0x1.c11f27063bc8fp-10, 0x1.2e7e763d49ed7p-11, 0x1.57757788c4d89p-13, 0x1.4c1fe48ae502ap-15, 0x1.137172181077fp-17, 0x1.89ca774397d84p-20, 0x1.e7102f7e6205ep-23, 0x1.055632761a560p-25, 0x1.e7ba573094579p-29, 0x1.8c78e3f43c783p-32, 0x1.192d3abc96eeep-35, 0x1.5c5ee327d119fp-39, 0x1.796a38877d048p-43},
    {-0x1.52b2666914c7bp-5, -0x1.53bb4d1a8d5b4p-7, 0x1.fd1c6a0c1b1e0p-7, 0x1.6b16f560081acp-6, 0x1.d857f405e8b95p-7, 0x1.0d099d8433ba5p-8, -0x1.dd78efc7aa65cp-10, -0x1.982b287bcb7bfp-9, -0x1.267f3c2685aabp-9, -0x1.2add1cac8eeb1p-10, -0x1.da496d13c99f2p-12, -0x1.330aaa7ca787bp-13, -0x1.4b981fe883cd7p-15, -0x1.2eb292a7b5c82p-17, -0x1.d73aaf28bdb2cp-20, -0x1.3ab0c048149edp-22, -0x1.6a3abea3b65ccp-25, -0x1.6893803786311p-28, -0x1.373d256042b39p-31, -0x1.d2eb61f0b9fe1p-35, -0x1.30e4883339215p-38, -0x1.5b2398af7b010p-42},
    {0x1.c7cd9ab14a5eep-7, 0x1.30ac215e3e32cp-6, 0x1.3acc78f6568cfp-7, -0x1.73ffa4f2322fbp-10, -0x1.954ab113ee578p-8, -0x1.42fcbb40519b4p-8, -0x1.ea03bc1db74a1p-10, 0x1.0283e390eb655p-13, 0x1.64f892a42fd68p-11, 0x1.151f789ab71cbp-11, 0x1.176cf6341dee3p-12, 0x1.ac999704d61bcp-14, 0x1.085c0eee934ecp-15, 0x1.0d8c35bad4b31p-17, 0x1.cd9e100327c3fp-20, 0x1.4f610dc33c0bap-22, 0x1.a06fd89bb4cd7p-25, 0x1.bc2ae0a46616bp-28, 0x1.988ade756a874p-31, 0x1.450d832d5cfb3p-34, 0x1.c087eef1f7f30p-38, 0x1.0ce1b3576d736p-41},
    {0x1.b62eba164eaf3p-8, -0x1.e3ea35cb11457p-10, -0x1.8b41d0bfe168ep-8, -0x1.1740ab24a012cp-8, -0x1.2e4d9de469b58p-11, 0x1.76fd58c2a6dbcp-10, 0x1.6aa39274cbc62p-10, 0x1.377e903c78e31p-11, 0x1.22aad1ff5ec7ep-15, -0x1.1c64e2cd46235p-13, -0x1.d2aed4fcbf6a3p-14, -0x1.cc175cf8e2c78p-15, -0x1.510a840f07070p-16, -0x1.888385a064df7p-18, -0x1.770bc3057cf73p-20, -0x1.2b5bbae299b6fp-22, -0x1.93d2579f0d0eap-25, -0x1.cff4a15fa0c3bp-28, -0x1.c89a4ce2de129p-31, -0x1.8297ca94b888ap-34, -0x1.1a8b230f9f059p-37, -0x1.65765677f3582p-41},
    {-0x1.dc3889d810d90p-9, -0x1.aae160aa13dabp-9, -0x1.79bb2c79f597dp-12, 0x1.9da1871f90f2ep-10, 0x1.71cdb33e5aa43p-10, 0x1.7bdf0e2c4fecap-12, -0x1.2fd94f6272590p-12, -0x1.61ed2093c695fp-12, -0x1.4008911631e6ep-13, -0x1.0ec8f02c90ac9p-16, 0x1.aaff2ff947d6bp-16, 0x1.64c6d1c108577p-16, 0x1.51667115f1e2fp-17, 0x1.d25c64d8df19cp-19, 0x1.fc17b1ca0c1dep-21, 0x1.c3b22991f96f8p-23, 0x1.4e1a1a9d6d47dp-25, 0x1.a0506991a2e6bp-28, 0x1.b8aa47a034163p-31, 0x1.8ea7c35cfee3fp-34, 0x1.35aa3c2e555dap-37, 0x1.9e8e630030926p-41},
    {-0x1.80141b1a9e8f8p-11, 0x1.d22b9babc231bp-11, 0x1.2c9625343c636p-10, 0x1.54b3ebfeac25bp-12, -0x1.70f66e215ee0ap-12, -0x1.9755ea0d15658p-12, -0x1.02ee7acbf3cc4p-13, 0x1.c2bf325fecd8fp-15, 0x1.34e03bad6df21p-14, 0x1.18df44e8fb689p-15, 0x1.0c8410e96fd02p-18, -0x1.3193ec71a7962p-18, -0x1.f29b2a0cae15cp-19, -0x1.bd6ae1950c0bep-20, -0x1.2006e992f05e0p-21, -0x1.241627bd4e610p-23, -0x1.e1aab398fe5bap-26, -0x1.4986a7e4acfcap-28, -0x1.7af19c306e7e6p-31, -0x1.717b4398454dcp-34, -0x1.33681a134a77cp-37, -0x1.b69733165f72ap-41},
    {0x1.61097834adbfdp-11, 0x1.9792cf62e415bp-12, -0x1.6e432174e4fb9p-13, -0x1.6186925b1a49ep-12, -0x1.07f2942f29257p-13, 0x1.312b5209d33c1p-14, 0x1.8c2cbbbde9747p-14, 0x1.0a61099461ab4p-15, -0x1.53f781a2f8ce9p-17, -0x1.ef219c71728b5p-17, -0x1.ac797b25b8411p-18, -0x1.6b294e4729e88p-21, 0x1.ac810845afcbcp-21, 0x1.3fe6871d5d01cp-21, 0x1.078193c2abf88p-22, 0x1.39f991d7e1ad3p-24, 0x1.24d59e39d44bap-26, 0x1.bb51adddfaedfp-29, 0x1.15f3ed8c5da27p-31, 0x1.247795e2217c8p-34, 0x1.048b25da92547p-37, 0x1.8b93c8d317e6ep-41},
};

/// m^(-1/3), 1 <= m < 8, in m; error 0.0021 of the function's value.
inline constexpr double kCbrt[] = {
    0x1.7a98edfa97b3dp+0,
    -0x1.6e09bf821612fp-1,
    0x1.323771a15c452p-2,
    -0x1.33b5e9c69988ap-4,
    0x1.63a02a829120ap-7,
    -0x1.b364189fd5bc0p-11,
    0x1.b4c93aa94063bp-16,
};

}  // namespace cotangent::transform::coefficients
