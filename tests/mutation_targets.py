"""Where bugs are planted, which tests must notice, and which changes alter nothing; see `mutation.py`."""

from __future__ import annotations

# (file, functions, the test files that must notice)
TARGETS: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    (
        "nn/functional/affine.py",
        ("affine_backward", "affine_descend", "_input_gradient", "_in_dtype_of"),
        ("nn/functional/test_affine.py",),
    ),
    ("nn/functional/activation.py", ("_backward",), ("nn/functional/test_activation.py",)),
    ("nn/functional/dropout.py", ("dropout_backward",), ("nn/functional/test_dropout.py",)),
    (
        "nn/functional/loss.py",
        (
            "softmax_backward", "cross_entropy_backward", "softmax_cross_entropy", "hinge", "squared_error_factor",
            "squared_error",
        ),
        ("nn/functional/test_losses.py",),
    ),
    ("nn/functional/loss.py", ("log_softmax_backward",), ("nn/functional/test_log_softmax.py",)),
    ("nn/functional/ctc.py", ("columns_needed", "ctc_greedy", "merged"), ("nn/functional/test_ctc.py",)),
    ("nn/kernels/ctc.py", ("_log_sum", "_skips", "ctc"), ("nn/functional/test_ctc.py",)),
    ("nn/functional/joining.py", ("concat_backward",), ("nn/functional/test_joining.py",)),
    ("nn/kernels/joining.py", ("add", "get_columns"), ("nn/functional/test_joining.py",)),
    (
        "nn/functional/pooling.py",
        ("max_pool_backward", "average_pool_backward", "global_average_pool_backward", "_weights"),
        ("nn/functional/test_pooling.py",),
    ),
    ("nn/kernels/pooling.py", ("max_pool_backward",), ("nn/functional/test_pooling.py",)),
    (
        "nn/kernels/average_pooling.py",
        ("average_pool_backward", "global_average_pool_backward"),
        ("nn/functional/test_pooling.py",),
    ),
    (
        "nn/functional/convolution.py",
        ("conv2d_backward", "_backward_in_blocks", "_backward_whole", "_grouped_backward", "_depthwise_backward"),
        ("nn/functional/test_convolution.py",),
    ),
    (
        "nn/kernels/convolution.py",
        ("backward", "_clear", "_weight_gradient", "_input_gradient"),
        ("nn/functional/test_convolution.py",),
    ),
    ("nn/kernels/expansion.py", ("collect", "_collect_row"), ("nn/functional/test_convolution.py",)),
    ("nn/kernels/epilogue.py", ("start",), ("nn/functional/test_convolution.py",)),
    (
        "nn/kernels/direct.py",
        ("backward", "_weight_gradient", "_input_gradient"),
        ("nn/functional/test_convolution.py",),
    ),
    ("nn/kernels/depthwise.py", ("backward",), ("nn/functional/test_convolution.py",)),
    ("nn/functional/winograd.py", ("winograd_backward", "_backward"), ("nn/functional/test_winograd.py",)),
    ("nn/kernels/winograd.py", ("backward",), ("nn/functional/test_winograd.py",)),
    (
        "nn/kernels/winograd_transforms.py",
        ("input_adjoint", "output_adjoint", "weight_adjoint"),
        ("nn/functional/test_winograd.py",),
    ),
    ("nn/functional/normalisation.py", ("batchnorm_backward",), ("nn/functional/test_normalisation.py",)),
    ("nn/kernels/elementwise.py", ("sum_rows",), ("nn/functional/test_affine.py",)),
    ("nn/kernels/elementwise.py", ("multiply",), ("nn/functional/test_dropout.py",)),
    (
        "nn/kernels/elementwise.py",
        (
            "relu_backward", "sigmoid_backward", "tanh_backward", "relu_backward_shared", "sigmoid_backward_shared",
            "tanh_backward_shared",
        ),
        ("nn/functional/test_activation.py",),
    ),
    ("nn/kernels/losses.py", ("softmax_cross_entropy", "hinge", "squared_error"), ("nn/functional/test_losses.py",)),
    (
        "nn/kernels/normalisation.py",
        ("sums_of_gradients", "gradient_line", "input_gradient", "add_up", "_fold", "_repeat"),
        ("nn/functional/test_normalisation.py",),
    ),
    (
        "nn/kernels/stochastic.py",
        ("_softmax_error", "_update_and_look_ahead", "softmax_descent"),
        ("nn/functional/test_softmax_descent.py",),
    ),
    ("nn/kernels/narrow.py", ("product", "transposed_product"), ("nn/functional/test_matmul.py",)),
    (
        "nn/kernels/blas.py",
        ("matmul", "_matmul_numpy"),
        ("nn/functional/test_matmul.py", "nn/functional/test_affine.py"),
    ),
    ("nn/kernels/blas.py", ("gemm_shared",), ("nn/functional/test_matmul.py",)),
    ("nn/kernels/tiles.py", ("listed", "_write", "products", "_write_dots", "dots"), ("nn/kernels/test_target.py",)),
    ("nn/kernels/subnormal.py", ("write_flushing", "write_restoring"), ("nn/kernels/test_subnormal.py",)),
    (
        "nn/kernels/updates.py",
        ("_numbers_at", "_share", "sgd", "momentum", "rmsprop", "adam", "average", "sum_of_squares"),
        ("optim/test_optimisers.py",),
    ),
    (
        "autodiff/dual.py",
        (
            "__add__", "__neg__", "__sub__", "__rsub__", "__mul__", "__truediv__", "__rtruediv__", "_function",
            "_sigmoid", "_softplus", "_complex_softplus", "_above_0", "_slope_of_tanh", "absolute", "relu", "maximum",
            "minimum", "_mean_of_tied", "power", "_complex_power", "power_by_exponent",
        ),
        ("autodiff/test_modes.py",),
    ),
    ("autodiff/operations.py", ("_ALL", "_power_partials", "_shares", "_sign"), ("autodiff/test_modes.py",)),
    (
        "autodiff/modes.py",
        (
            "evaluate", "_expect_values", "forward_mode", "jvp", "_dots", "reverse_mode", "vjp", "_bars",
            "local_derivatives", "hessian", "differences", "complex_step", "_by_complex_steps", "_slope", "_imaginary",
        ),
        ("autodiff/test_modes.py",),
    ),
    (
        "autodiff/descent.py",
        ("bound", "parabola", "_walked", "_gradient", "_hessian"),
        ("autodiff/test_descent.py",),
    ),
    ("autodiff/stationary.py", ("_newton", "_no_higher", "kind_of", "_rises"), ("autodiff/test_descent.py",)),
    (
        "classic/pca.py",
        (
            "_add", "_add_bytes", "_solve", "_keep", "_count", "components_for", "psnr", "transform",
            "inverse_transform", "_deviations",
        ),
        ("classic/test_pca.py",),
    ),
    (
        "classic/distances.py",
        ("squares_fit", "underflowed", "gap", "_mixed", "_digits", "keys", "_whole_keys", "order_of", "distances_of"),
        ("classic/test_distances.py",),
    ),
    (
        "classic/nearest.py",
        ("search", "_choose", "_plainly", "_by_keys", "_among_all", "_keep", "_nearest", "_distances"),
        ("classic/test_neighbours.py",),
    ),
    ("classic/harris.py", ("kind", "components", "peaks", "harris", "_brightness"), ("classic/test_harris.py",)),
    ("classic/affine.py", ("_descend", "_step"), ("classic/test_affine.py",)),
]  # fmt: skip

# Counting correct examples is not part of a gradient.
COUNTS = {"correct", "best", "is_best", "hit"}

# How the work is shared among threads changes speed alone; what each thread then does is tested.
SHARING = {"parts", "WORTH_SHARING", "_SHARE_ABOVE"}

# (file, function, change) -> why the change alters no gradient.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "nn/functional/loss.py",
        "squared_error_factor",
        "max(1, n * size) => max(0, n * size)",
    ): "neither is ever below 1",
    ("nn/functional/loss.py", "squared_error_factor", "max(1, n) => max(0, n)"): "n is never below 1",
    ("nn/functional/loss.py", "squared_error", "-1 => -2"): "NumPy infers any negative size",
    ("nn/functional/joining.py", "concat_backward", "-1 => -2"): "NumPy infers any negative size",
    ("nn/functional/joining.py", "concat_backward", "True => False"): "the lists are of one length by then",
    ("nn/functional/loss.py", "squared_error", "False => True"): "a copy of the target",
    ("nn/kernels/joining.py", "add", "i + lane <= end => i + lane < end"): "the single numbers behind do the same",
    ("nn/kernels/ctc.py", "ctc", "row[j] > top => row[j] >= top"): "the largest is the same",
    (
        "nn/kernels/losses.py",
        "softmax_cross_entropy",
        "range(1, k) => range(0, k)",
    ): "the first score is no new maximum",
    ("nn/kernels/stochastic.py", "_softmax_error", "range(1, k) => range(0, k)"): "the first score is no new maximum",
    ("autodiff/dual.py", "absolute", "0.0 * x => 0.0"): "a constant 0 has the derivative 0 as well",
    ("autodiff/dual.py", "relu", "0.0 * x => 0.0"): "a constant 0 has the derivative 0 as well",
    ("autodiff/dual.py", "_mean_of_tied", "len(tied) == 1 => len(tied) == 0"): "the mean of one is itself",
    ("autodiff/dual.py", "power", "x + y => x - y"): "only the type is looked at",
    **{
        ("autodiff/stationary.py", function, change): reason
        for function, change, reason in (
            ("kind_of", "values < -near => values <= -near", "equal in a constant formula alone, which is undecided"),
            (
                "kind_of",
                "max(float(np.linalg.norm(w - start)), float(np.linalg.norm(w))) or 1.0 => "
                "max(float(np.linalg.norm(w - start)), float(np.linalg.norm(w))) or 2.0",
                "of the same order of size",
            ),
            ("kind_of", "w - start => w + start", "of the same order of size"),
            ("kind_of", "w - start => start", "of the same order of size"),
            (
                "_rises",
                "abs(rise) > 1e-14 * abs(height) => abs(rise) >= 1e-14 * abs(height)",
                "a rise of 0 is 0 either way",
            ),
            ("_rises", "w + reach * direction => w - reach * direction", "both ways are tried"),
            ("_rises", "np.random.default_rng(0) => np.random.default_rng(1)", "any mixtures will do"),
            ("_rises", "(directions.shape[1], 8) => (directions.shape[1], 9)", "any mixtures will do"),
        )
    },
    **{
        ("autodiff/modes.py", function, "True => False"): "the lengths are equal by then"
        for function in ("evaluate", "_dots", "hessian", "vjp", "_bars", "_by_complex_steps")
    },
    **{
        ("autodiff/modes.py", "_by_complex_steps", change): "the bound is a round number, with room on both sides"
        for change in (
            "largest < _ROOM => largest <= _ROOM",
            "largest < _NORMAL => largest <= _NORMAL",
            "np.abs(part) >= _NORMAL => np.abs(part) > _NORMAL",
        )
    },
    **{
        ("autodiff/modes.py", "_by_complex_steps", change): "the longest step may be twice as long"
        for change in ("min(x, 1.0) or 1.0 => min(x, 1.0) or 2.0", "min(x, 1.0) => min(x, 2.0)")
    },
    **{
        ("autodiff/modes.py", "_slope", change): "an earlier step tells as much"
        for change in ("chosen + 1 => chosen - 1", "chosen - 1 => chosen - 2", "chosen - 1 => 1")
    },
    (
        "autodiff/modes.py",
        "_slope",
        "abs(imaginary[other] / steps[other] - slope) > 0.5 * abs(slope) => "
        "abs(imaginary[other] / steps[other] - slope) >= 0.5 * abs(slope)",
    ): "of two slopes that are equal both are 0; any other pair lies far from the bound",
    **{
        ("classic/harris.py", function, change): reason
        for function, change, reason in (
            (
                "components",
                "directions * np.where(directions[:, :1] < 0, -1.0, 1.0) => "
                "directions / np.where(directions[:, :1] < 0, -1.0, 1.0)",
                "a sign is its own inverse",
            ),
            ("components", "directions[:, :1] < 0 => directions[:, :1] <= 0", "a vertical direction has either sign"),
            ("peaks", "-1 => -2", "NumPy infers any negative size"),
            ("peaks", "True => False", "there are as many rows as columns"),
            (
                "peaks",
                "self.response > 0 => self.response >= 0",
                "a response of 0 is above no share of the largest, unless that is negative",
            ),
        )
    },
    **{
        ("classic/pca.py", function, change): reason
        for function, change, reason in (
            (
                "_add_bytes",
                "products.diagonal().max() >= _WHOLE and len(X) > _SURELY => "
                "products.diagonal().max() >= _WHOLE or len(X) > _SURELY",
                "halves add up to the same whole numbers",
            ),
            (
                "_add_bytes",
                "products.diagonal().max() >= _WHOLE => products.diagonal().max() > _WHOLE",
                "float32 holds 2^24 itself",
            ),
            ("_add_bytes", "len(X) > _SURELY => len(X) >= _SURELY", "so few rows stay below the bound"),
            (
                "_keep",
                "components * np.sign(components[np.arange(len(components)), largest])[:, None] => "
                "components / np.sign(components[np.arange(len(components)), largest])[:, None]",
                "a sign is its own inverse",
            ),
        )
    },
    **{
        ("classic/distances.py", function, change): reason
        for function, change, reason in (
            ("squares_fit", "-1 => 1", "points have two axes"),
            ("squares_fit", "True => False", "there are two of each"),
            ("gap", "True => False", "there are three of each"),
            ("_whole_keys", "True => False", "there are three of each"),
            ("_mixed", "whole <= _WHOLE => whole < _WHOLE", "at the bound both ways are right"),
            (
                "_mixed",
                "whole >= (-_WHOLE if whole.dtype.kind == 'i' else 0) => "
                "whole > (-_WHOLE if whole.dtype.kind == 'i' else 0)",
                "at the bound both ways are right",
            ),
            (
                "_mixed",
                "-_WHOLE if whole.dtype.kind == 'i' else 0 => -_WHOLE if whole.dtype.kind == 'i' else 1",
                "for 0 both ways are right",
            ),
            ("_mixed", "whole.dtype.itemsize < 8 => whole.dtype.itemsize > 8", "a way round for speed alone"),
            ("_mixed", "whole.dtype.itemsize < 8 => whole.dtype.itemsize < 0", "a way round for speed alone"),
            (
                "keys",
                "max((abs(end) for v in (points, query) for end in extremes(v))) > 2.0 ** 1021 => "
                "max((abs(end) for v in (points, query) for end in extremes(v))) >= 2.0 ** 1021",
                "the bound has room above it",
            ),
            ("keys", "2.0 ** 1021 => 2.0 ** 1022", "the bound has room above it"),
            (
                "distances_of",
                "np.where(found[:, 0] > 0, found[:, 1], 0.0) => np.where(found[:, 0] > 0, found[:, 1], 1.0)",
                "0 times any power is 0",
            ),
        )
    },
    **{
        ("classic/nearest.py", function, change): reason
        for function, change, reason in (
            ("_choose", "-len(near) // 16 => -len(near)", "how many threads share the queries: for speed alone"),
            ("_choose", "-len(near) // 16 => -len(near) // 17", "how many threads share the queries: for speed alone"),
            ("_nearest", "own[c] - row[c] < worst => own[c] - row[c] <= worst", "each is then looked at by itself"),
            ("_nearest", "0 => 1", "each is then looked at by itself"),
            ("_distances", "one * point[d] => point[d]", "Numba widens whole numbers by itself"),
        )
    },
    (
        "nn/kernels/blas.py",
        "gemm_shared",
        "n * (t + 1) // parts => n * (t + 1)",
    ): "the first thread does all, BLAS refuses more",
    (
        "nn/kernels/convolution.py",
        "_input_gradient",
        "n1 - n0 => n1",
    ): "clears more than is used; where products count on it, it is noticed",
    (
        "nn/kernels/pooling.py",
        "max_pool_backward",
        "end - image * h => end",
    ): "looks at windows, too, that reach none of its rows",
    **{
        ("nn/kernels/average_pooling.py", "average_pool_backward", change): "more room than is used"
        for change in ("(kw - 1) * dw // sw => (kw - 1) * dw", "kw - 1 => kw", "kw - 1 => kw - 0")
    },
    (
        "nn/kernels/average_pooling.py",
        "global_average_pool_backward",
        "len(dx) * t => t",
    ): "computes elements twice, with the same result",
    **{
        ("nn/kernels/epilogue.py", "start", change): reason
        for change, reason in (
            ("dy.shape[2] >= lanes_of(z) => dy.shape[2] > lanes_of(z)", "one number at a time gives the same"),
            ("-1 => -2", "NumPy infers any negative size"),
        )
    },
    (
        "nn/kernels/direct.py",
        "backward",
        "(r1 - r0) * g.ow => r1 - r0",
    ): "no loop looks at the end of the view",
    ("nn/kernels/direct.py", "_input_gradient", "rows - 1 => rows"): "clears more than is used",
    **{
        ("nn/kernels/blas.py", "matmul", f"(0.0, 1.0) => {turned}"): "a general product gives the same"
        for turned in ("(1.0, 1.0)", "(0.0, 0.0)")
    },
    (
        "nn/kernels/stochastic.py",
        "softmax_descent",
        "i + 2 => i + 3",
    ): "which example is sent for ahead of its turn, for speed alone",
    (
        "nn/functional/convolution.py",
        "_backward_in_blocks",
        "g.blocks if cache.method == 'product' else 1 => g.blocks if cache.method == 'product' else 2",
    ): "shares without work, for speed alone",
    (
        "nn/kernels/tiles.py",
        "_write",
        "builder.function.attributes.add('noinline') => pass",
    ): "one copy for all or one for each",
    **{
        ("nn/kernels/tiles.py", "_write", f"rows < vectors => rows {turned} vectors"): "which factor waits in registers"
        for turned in ("<=", ">")
    },
    ("nn/kernels/tiles.py", "_write_dots", "True => False"): "there are as many of each",
    (
        "nn/kernels/subnormal.py",
        "write_flushing",
        "ir.Constant(_WORD, 0) => ir.Constant(_WORD, 1)",
    ): "read by no processor of another kind",
    **{
        ("nn/kernels/elementwise.py", "relu_backward_shared", change): "computes elements twice, with the same result"
        for change in (
            "y.size * (t + 1) // parts => y.size * (t + 1)",
            "t + 1 => t + 2",
            "y.size * t => y.size / t",
            "y.size * t => t",
        )
    },
}
