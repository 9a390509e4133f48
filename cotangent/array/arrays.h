// All of the array front end. docs/arrays.md is the guide.
#pragma once

#include "cotangent/array/array.h"
#include "cotangent/array/check.h"
#include "cotangent/array/complex.h"
#include "cotangent/array/elementwise.h"
#include "cotangent/array/evaluate.h"
#include "cotangent/array/fourier.h"
#include "cotangent/array/indexing.h"
#include "cotangent/array/jit.h"
#include "cotangent/array/linear_algebra.h"
#include "cotangent/array/loops.h"
#include "cotangent/array/products.h"
#include "cotangent/array/random.h"
#include "cotangent/array/reduce.h"
#include "cotangent/array/shaping.h"
#include "cotangent/array/sorting.h"
#include "cotangent/array/transforms.h"
