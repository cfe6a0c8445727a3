// Exponentials and roots of complex numbers, with the special values of C99's Annex G. Before it is written NBC_C, the type,
// NBC_P, that of a part, NBC_OF(f), a function of parts, and numbers: NBC_INF, NBC_NAN, NBC_LARGE, NBC_SMALL, NBC_UP, NBC_BACK, NBC_FAR.
#ifdef NBC_EXP
NBC NBC_C nbc_complex_exp(NBC_C z) {
  NBC_P x = z.re, y = z.im;
  if (y == 0) return nbc_complex(NBC_OF(exp)(x), y);
  if (!nbc_is_finite(y)) {
    // The direction is not known; only what is 0 or infinite whatever it is stays.
    if (x == -NBC_INF) return nbc_complex((NBC_P)0, nbc_signed((NBC_P)0, y));
    return nbc_complex(x == NBC_INF ? NBC_INF : NBC_NAN, NBC_NAN);
  }
  NBC_P cosine = NBC_OF(cos)(y), sine = NBC_OF(sin)(y);
  if (x == -NBC_INF) return nbc_complex(nbc_signed((NBC_P)0, cosine), nbc_signed((NBC_P)0, sine));
  NBC_P size = NBC_OF(exp)(x);
  if (size == NBC_INF && x < NBC_FAR) {
    // The length may be too large where a part is not: in four steps, for tiny angles.
    NBC_P root = NBC_OF(exp)(x / 4);
    return nbc_complex(cosine * root * root * root * root, sine * root * root * root * root);
  }
  return nbc_complex(size * cosine, size * sine);
}
#else
NBC NBC_C nbc_complex_sqrt(NBC_C z) {
  NBC_P x = z.re, y = z.im;
  if (x == 0 && y == 0) return nbc_complex((NBC_P)0, y);
  if (nbc_is_inf(y)) return nbc_complex(NBC_INF, y);
  if (x != x) return nbc_complex(NBC_NAN, NBC_NAN);
  if (nbc_is_inf(x)) {
    if (x > 0) return nbc_complex(x, y != y ? y : nbc_signed((NBC_P)0, y));
    return nbc_complex(y != y ? y : (NBC_P)0, nbc_signed(NBC_INF, y));
  }
  // Brought near to 1 by a power of 4, whose root is one of 2, so that no sum overflows or is lost.
  NBC_P most = nbc_size(x), other = nbc_size(y), back = 1;
  if (other > most) most = other;
  if (most > NBC_LARGE) {
    x /= 16;
    y /= 16;
    back = 4;
  } else if (most < NBC_SMALL) {
    x *= NBC_UP;
    y *= NBC_UP;
    back = NBC_BACK;
  }
  NBC_P length = NBC_OF(hypot)(x, y), half = (NBC_P)0.5;
  if (x >= 0) {
    NBC_P t = nbc_root((x + length) * half);
    return nbc_complex(t * back, y / (2 * t) * back);
  }
  NBC_P t = nbc_root((-x + length) * half);
  return nbc_complex(nbc_size(y) / (2 * t) * back, nbc_signed(t * back, y));
}
#endif
