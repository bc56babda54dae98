"""Faults planted in a copy of the library, one at a time: the test named for each must fail.

Not part of `make test`: `python tests/planted.py`, or `--only NAME` (several times). Prints a table; exit code 1 if a
fault is not caught, or a test fails without one. A fault whose old text does not stand exactly once in its file is an
error, so that the list follows the code.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPIED = ("src", "tests", "examples", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")
_LONGEST = 300  # seconds; a fault that makes a test hang is not caught
_FAILED = 1  # pytest's exit code for failed tests; 2 to 5 are faults of another kind: nothing collected, interrupted, …


class Fault(NamedTuple):
    """A fault: in `file` (below src/seriatim), `old` is replaced by `new`; then `test` (below tests) must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str


FAULTS = [
    # ------------------------------------------------------------------ trajectories
    Fault(
        "what is drawn after the end is not 0",
        "heads/composed.py",
        "        return torch.where(self.ended, 0.0, self.inner.draw(u))",
        "        return self.inner.draw(u)",
        "trajectory/test_trajectory_laws.py",
    ),
    Fault(
        "a trajectory has no end",
        "trajectory/codec.py",
        "        return np.concatenate([body, end])",
        "        return body",
        "trajectory/test_trajectory_model.py",
    ),
    Fault(
        "noise on a grid depends on the order",
        "trajectory/codec.py",
        "random or np.random.default_rng(zlib.crc32(np.ascontiguousarray(positions).tobytes()))",
        "random or np.random.default_rng()",
        "trajectory/test_trajectory_model.py",
    ),
    Fault(
        "rows that have ended are drawn on",
        "trajectory/model.py",
        "                stay = np.flatnonzero(x[:, 0] != end).tolist()",
        "                stay = list(range(len(x)))",
        "trajectory/test_trajectory_laws.py",
    ),
    Fault(
        "the unit of a category is that of a value",
        "causal/reals.py",
        "scale.to(x.dtype)[:, None, int(self.marked) :].unbind(-1)",
        "scale.to(x.dtype)[:, None, : scale.shape[1] - int(self.marked)].unbind(-1)",
        "trajectory/test_trajectory_textbook.py",
    ),
    Fault(
        "a pickle may name any function",
        "trajectory/data/pickled.py",
        '        if (known := _GLOBALS.get(f"{module}.{attribute}")) is None:',
        '        if (known := _GLOBALS.get(f"{module}.{attribute}", "encode")) is None:',
        "trajectory/test_trajectory_readers.py",
    ),
    # ------------------------------------------------------------------ linear, of several series
    Fault(
        "a lag of a regression is one off",
        "causal/regression.py",
        "seen[:, reach + 1 - lag : reach + 1 - lag + steps]",
        "seen[:, max(0, reach - lag) : max(0, reach - lag) + steps]",
        "models/test_regressed.py",
    ),
    Fault(
        "a sum of differences leaves a term out",
        "causal/difference.py",
        "for lag, each in self.terms[1:]), torch.zeros_like(x[..., 0]))",
        "for lag, each in self.terms[1:2]), torch.zeros_like(x[..., 0]))",
        "models/test_regressed.py",
    ),
    Fault(
        "the ridge is not in the likelihood",
        "training/maximum.py",
        "loss = (model.penalty() - model.log_prob",
        "loss = (0.0 - model.log_prob",
        "models/test_regressed.py",
    ),
    Fault(
        "halves of a block are swapped",
        "series/codec.py",
        "        row[middle:end] = -np.sqrt(left / (right * (left + right)))",
        "        row[middle:end] = -np.sqrt(right / (left * (left + right)))",
        "series/test_figures.py::test_blocks_are_turned_by_haar_s_wavelets",
    ),
    # ------------------------------------------------------------------ series
    Fault(
        "the scale of a window sees its first value",
        "series/scaling.py",
        "        count = self.count[at] - self.count[begin]\n",
        "        at = min(at + 1, len(self.count) - 1)\n        count = self.count[at] - self.count[begin]\n",
        "series/test_figures.py::test_a_scale_sees_nothing_of_its_window",
    ),
    Fault(
        "lags are one position off",
        "models/real.py",
        "lags=Lags([lag - 1 for lag in c.lags], parts)",
        "lags=Lags([lag for lag in c.lags], parts)",
        "models/test_textbook_reals.py",
    ),
    Fault(
        "a part of a chain sees itself",
        "heads/chained.py",
        "np.triu(np.ones((parts, parts), np.float32), 1)",
        "np.triu(np.ones((parts, parts), np.float32), 0)",
        "models/test_textbook_reals.py",
    ),
    Fault(
        "paths of all series share their noise",
        "series/model.py",
        'names = [f"{panel.items[each.owner].name}:{each.at}" for each in some]',
        'names = ["one" for each in some]',
        "series/test_series_runs.py::test_a_seed_gives_the_same_paths_in_any_company",
    ),
    Fault(
        "the window's own values are read as its past",
        "series/model.py",
        "prompt = self.model.symbols(batch.x[:, :known])",
        "prompt = self.model.symbols(batch.x[:, positions : known + positions])",
        "series/test_series_runs.py::test_forecasts_see_nothing_after_their_origin",
    ),
    Fault(
        "the cosine transform is not orthonormal",
        "series/codec.py",
        "    rows[0] /= np.sqrt(2)\n",
        "",
        "series/test_figures.py::test_blocks_are_turned_by_scipy_s_transform",
    ),
    Fault(
        "the crps forgets half of its second term",
        "series/figures.py",
        "(weight * ordered).sum(0) / n**2",
        "(weight * ordered).sum(0) / (2 * n**2)",
        "series/test_figures.py::test_the_crps_is_the_energy_form",
    ),
    Fault(
        "missing rows are not missing values",
        "series/data/reading.py",
        "return np.where(self.rows < 0, np.nan, self.columns[name][self.rows])",
        "return self.columns[name][self.rows]",
        "series/test_reading.py::test_a_gap_is_missing_values",
    ),
    # ------------------------------------------------------------------ training
    Fault(
        "no training mode after an evaluation", "training/loop.py",
        "        self.model.train()\n        for group", "        for group",
        "training/test_loop.py::test_every_step_is_taken_in_training_mode_and_every_evaluation_is_not",
    ),
    Fault(
        "training mode is set once, and again when a run is resumed", "training/loop.py",
        "        self.model.train()\n        for group",
        "        'on' in vars(self) or setattr(self, 'on', self.model.train())\n        for group",
        "training/test_resume.py::test_a_signal_saves_and_resuming_is_bit_for_bit[transformer-2]",
    ),
    Fault(
        "conditions never hidden", "training/loop.py",
        "hidden = torch.rand(len(value), device=value.device) < share",
        "hidden = torch.rand(len(value), device=value.device) < 0",
        "training/test_loop.py::test_conditions_are_hidden_row_by_row_as_often_as_is_asked",
    ),
    Fault(
        "conditions hidden for the whole batch", "training/loop.py",
        "hidden = torch.rand(len(value), device=value.device) < share",
        "hidden = torch.rand(1, device=value.device).expand(len(value)) < share",
        "training/test_loop.py::test_conditions_are_hidden_row_by_row_as_often_as_is_asked",
    ),
    Fault(
        "conditions hidden together", "training/loop.py",
        "given = {name: self._hide(value, self.drops[name]) for name, value in given.items()}",
        "key = torch.get_rng_state()\n"
        "            given = {n: (torch.set_rng_state(key), self._hide(given[n], self.drops[n]))[1] for n in given}",
        "training/test_loop.py::test_conditions_are_hidden_row_by_row_as_often_as_is_asked",
    ),
    Fault(
        "--from calibrates again", "training/run.py",
        "        if begin is None:\n            first, device", "        if not resume:\n            first, device",
        "training/test_loop.py::test_what_is_begun_from_is_not_calibrated_again",
    ),
    Fault(
        "a carried state is not renewed at an epoch", "training/loop.py",
        "if self.options.carry and (batch.fresh or self.carry is None):",
        "if self.options.carry and self.carry is None:",
        "training/test_loop.py::test_a_carried_state_goes_on_within_an_epoch_and_begins_anew_with_the_next",
    ),
    Fault(
        "a carried state is dropped", "training/loop.py",
        "            self.carry = Carry(*tree.detach(tuple(after)))", "            self.carry = None",
        "training/test_loop.py::test_a_carried_state_goes_on_within_an_epoch_and_begins_anew_with_the_next",
    ),
    Fault(
        "clipping is ignored", "training/loop.py", "options.clip or math.inf)", "math.inf)",
        "training/test_loop.py::test_a_step_is_adamw_of_clipped_gradients_at_the_rate_in_the_metrics",
    ),
    Fault(
        "the learning rate is a step late", "training/loop.py",
        'learning_rate(self.step, self.total, options, group["peak"])',
        'learning_rate(max(0, self.step - 1), self.total, options, group["peak"])',
        "training/test_loop.py::test_a_step_is_adamw_of_clipped_gradients_at_the_rate_in_the_metrics",
    ),
    Fault(
        "the rate in the metrics is another", "training/loop.py",
        'rate = float(self.optimiser.groups[0]["lr"])', "rate = learning_rate(self.step, self.total, self.options)",
        "training/test_loop.py::test_the_rate_in_the_metrics_is_the_one_that_the_optimiser_used",
    ),
    Fault(
        "accumulated parts weigh alike", "training/loop.py", "share = counted / symbols", "share = 1 / len(batches)",
        "training/test_training.py::test_accumulated_parts_of_unequal_length_weigh_as_one_batch",
    ),
    Fault(
        "the average's warm-up is forgotten", "training/optim.py",
        "decay = min(self.decay, (1 + self.updates) / (10 + self.updates))", "decay = self.decay",
        "training/test_optim.py::test_the_average_is_the_slow_computation",
    ),
    Fault(
        "the moments are not restored", "training/loop.py",
        "                if found:\n", "                if not found:\n",
        "training/test_resume.py::test_a_signal_saves_and_resuming_is_bit_for_bit[transformer-2]",
    ),
    Fault(
        "a spike has no floor", "training/loop.py", "_STILL = 0.02", "_STILL = 0.0",
        "training/test_training.py::test_what_is_almost_certain_may_rise_a_little",
    ),
    Fault(
        "memory without backward", "training/sizing.py",
        "return _WORK * sum(kept.values())", "return sum(kept.values())",
        "training/test_sizing.py::test_an_items_memory_is_what_backward_needs_of_it",
    ),
    Fault(
        "the slower number of threads", "training/pace.py",
        "best = min(each, key=lambda count: each[count])", "best = max(each, key=lambda count: each[count])",
        "training/test_pace.py::test_the_faster_number_is_used_and_the_callers_comes_back",
    ),
    Fault(
        "smoothing over one symbol fewer", "training/loss.py",
        "table.mean(-1)", "table.sum(-1) / (table.shape[-1] - 1)",
        "training/test_training.py::test_label_smoothing_is_its_formula",
    ),
    # ------------------------------------------------------------------ what is trained on and judged
    Fault(
        "labels from all splits", "image/task.py",
        "Labels.train(label for label in train.labels if label is not None)",
        "Labels.train(x for side in self.gallery.splits.values() for x in side.labels or () if x is not None)",
        "training/test_splits_used.py::test_labels_are_the_training_splits_alone",
    ),
    Fault(
        "the last partial batch of validation is dropped", "image/task.py",
        "        part = _spread(held, count)\n",
        "        part = taken(held, np.arange(count // _BATCH * _BATCH or count))\n",
        "training/test_splits_used.py::test_the_last_batch_of_held_out_pictures_counts_though_it_is_not_full",
    ),
    Fault(
        "the same order every epoch", "image/task.py",
        "default_rng([self.seed, epoch, 3])", "default_rng([self.seed, 3])",
        "training/test_splits_used.py::test_pictures_come_in_another_order_each_epoch",
    ),
    Fault(
        "evaluate ignores the run's truncation", "cli/kinds/text.py",
        "return None if asked.data else plan_of(asked.run)[0].train.truncate", "return None",
        "training/test_splits_used.py::test_a_runs_own_data_is_evaluated_as_it_was_truncated",
    ),
    Fault(
        "a mirrored picture keeps its map", "image/task.py",
        "                maps[mirrored] = maps[mirrored, :, ::-1]", "                maps[mirrored] = maps[mirrored]",
        "image/test_image_runs.py::test_every_second_picture_is_mirrored_in_training_and_its_map_with_it",
    ),
    Fault(
        "form-only copies on both sides", "text/data/split.py",
        "_firsts((document.measure.key, document.measure.digest) for document in documents)",
        "_firsts((document.measure.digest, document.measure.digest) for document in documents)",
        "text/test_lines.py::test_copies_that_differ_in_form_only_are_on_one_side",
    ),
    Fault(
        "form-only copies of sources on both sides", "text/data/split.py",
        '_firsts((folded(source), f"source {source}") for source in written)',
        '_firsts((source, f"source {source}") for source in written)',
        "text/test_lines.py::test_sources_that_differ_in_form_only_are_on_one_side",
    ),
    Fault(
        "unknown labels are not counted", "symbols/lacking.py", "unknown[str(value)] += 1", "unknown[str(value)] += 0",
        "symbols/test_lacking.py::test_what_is_missing_and_what_is_unknown_are_counted",
    ),
    Fault(
        "a model of pictures does not say what it does not know", "image/model.py",
        "found.append(heard(LABEL, self.label_codecs[LABEL], labels)[1])",
        "found.append(Lacking(LABEL, count, 0))",
        "image/test_image_commands.py::test_ink_is_drawn_and_a_label_unseen_in_training_counts_as_not_said",
    ),
    # ------------------------------------------------------------------ text
    Fault(
        "half a window is read twice", "models/likelihood.py",
        "        start, fresh = start + stride, stop\n", "        start, fresh = start + stride, start + stride\n",
        "models/test_likelihood.py::test_windows_by_hand",
    ),
    Fault(
        "a standard error of too few degrees of freedom", "models/likelihood.py",
        ".sum() * len(blocks) / (len(blocks) - 1)", ".sum()",
        "text/test_text_likelihood.py::test_the_standard_error_of_known_series",
    ),
    Fault(
        "stop strings as typed", "text/stopping.py",
        "return [policy.restore(policy.prepare(each)) for each in stops]", "return stops",
        "text/test_stop_strings.py::test_a_stop_string_is_read_as_the_prompt_is",
    ),
    Fault(
        "a stop string across pieces is missed", "text/stopping.py",
        "keep = max((self._overlap(stop) for stop in self.stops), default=0)", "keep = 0",
        "text/test_stop_strings.py::test_pieces_give_what_the_first_prefix_with_a_stop_gives",
    ),
    Fault(
        "the export reads the name of the end as the end", "text/huggingface.py",
        '"split_special_tokens": True,', '"split_special_tokens": False,',
        "text/test_huggingface.py::test_the_name_of_the_end_is_text_in_a_text",
    ),
    Fault(
        "the export forgets dropout", "text/huggingface.py",
        'dropout=float(ours.get("dropout", 0.0))', 'dropout=0.0',
        "text/test_huggingface.py::test_dropout_comes_back",
    ),
    Fault(
        "a window that has moved begins one symbol late", "text/generation.py",
        "            walk.feed(self.history[:, begin:])", "            walk.feed(self.history[:, begin + 1 :])",
        "text/test_text_sampling.py::test_beyond_the_horizon_what_is_drawn_is_what_is_scored",
    ),
    Fault(
        "a condition stays behind when rows leave", "text/generation.py",
        "self.context = self.context.select(keep)", "self.context = self.context.select(keep * 0)",
        "text/test_generation.py::"
        "test_conditions_stay_with_their_rows_when_the_window_moves_after_some_have_left",
    ),
    # ------------------------------------------------------------------ walks
    Fault(
        "the length norm of beams", "walks/beams.py", "((5 + symbols) / 6)", "((6 + symbols) / 6)",
        "walks/test_beams.py::test_the_length_norm_is_wus",
    ),
    Fault(
        "no length norm", "walks/beams.py",
        "return log_prob / ((5 + symbols) / 6) ** self.length_norm", "return log_prob",
        "walks/test_beams.py::test_the_length_norm_is_wus",
    ),
    Fault(
        "a search ends too soon", "walks/beams.py",
        "length = self.longest if len(self.finished) < self.options.width else new", "length = new",
        "walks/test_beams.py::test_what_is_behind_may_still_be_the_best_by_its_length",
    ),
    Fault(
        "a seed alone is not the first row's", "walks/noise.py",
        "return [first, *offspring(first, n)[1:]][:n]", "return offspring(first, n)",
        "walks/test_noise.py::test_a_seed_alone_is_the_first_rows_own",
    ),
    Fault(
        "lanes share their noise", "walks/noise.py",
        "lanes = [uniform(self.seeds, index, self.block, lane) for lane in range(n)]",
        "lanes = [uniform(self.seeds, index, self.block, 0) for lane in range(n)]",
        "walks/test_walk.py::test_no_two_symbols_are_drawn_from_the_same_noise",
    ),
    Fault(
        "the repetition penalty of raw logits", "walks/steer.py",
        "                logits = logits.log_softmax(-1)\n", "",
        "walks/test_steer.py::test_the_repetition_penalty_does_not_know_what_is_added_to_all_logits",
    ),
    Fault(
        "a nucleus one symbol too small", "walks/steer.py", "keep = before < mass", "keep = top.cumsum(-1) <= mass",
        "walks/test_steer.py::test_top_p",
    ),
    Fault(
        "typical by p instead of surprisal", "walks/steer.py",
        "(log_p + entropy).abs().masked_fill(p == 0, math.inf)", "(-log_p).masked_fill(p == 0, math.inf)",
        "walks/test_steer.py::test_typical",
    ),
    Fault(
        "guidance of one strength too many", "walks/walk.py", "(self.strength - 1) * more", "self.strength * more",
        "walks/test_guidance.py::test_every_step_has_the_distribution_that_is_promised",
    ),
    Fault(
        "particles are not weighed", "walks/particles.py",
        "weights += dist.log_prob(dist.typed(x)).double().view_as(weights)",
        "weights += 0 * dist.log_prob(dist.typed(x)).double().view_as(weights)",
        "walks/test_particles.py::test_particles_find_what_fits_a_known_symbol_that_comes_last",
    ),
    Fault(
        "particles keep their weights when they are resampled", "walks/particles.py",
        "drawn, weights = drawn[rows], torch.zeros_like(weights)",
        "drawn, weights = drawn[rows], weights.flatten()[rows].view_as(weights)",
        "walks/test_particles.py::test_what_a_resampling_has_weighed_is_not_weighed_again",
    ),
    Fault(
        "samples of a run on all threads", "walks/threads.py",
        "    torch.set_num_threads(count)\n    try:\n        yield", "    try:\n        yield",
        "walks/test_threads.py::test_samples_of_a_run_under_way_are_drawn_by_one_thread",
    ),
    # ------------------------------------------------------------------ heads and coding
    Fault(
        "coded in float32", "coding/models.py", "copy.deepcopy(model).double().eval()", "copy.deepcopy(model).eval()",
        "coding/test_compression.py::test_a_model_in_float32_is_coded_in_float64",
    ),
    Fault(
        "coded data is not checked", "coding/models.py", "    if _sum(x) != coded[-_WORD:]:", "    if False:",
        "coding/test_compression.py::test_another_shape_is_told",
    ),
    Fault(
        "damage is not told", "coding/models.py",
        'if len(data) < CHECKS or zlib.crc32(coded).to_bytes(_WORD, "little") != total:', "if len(data) < CHECKS:",
        "coding/test_compression.py::test_every_flipped_bit_and_every_cut_is_told",
    ),
    Fault(
        "the first channel does not move the second", "heads/mixture.py",
        "        centre = torch.addcmul(centre, coefficient, value)\n", "        pass\n",
        "heads/test_mixture.py::test_a_coefficient_moves_the_next_channel",
    ),
    Fault(
        "components keep their weights", "heads/mixture.py",
        "logits = logits + self._part(j, logits, before[:j]).log_bins(prefix[..., j])", "pass",
        "heads/test_mixture.py::test_posterior_weights_are_those_of_bayes",
    ),
    Fault(
        "the last bin has no tail", "heads/mixture.py", "x == 0, x == levels - 1)", "x == 0, x == levels)",
        "heads/test_mixture.py::test_total_mass_is_one",
    ),
    Fault(
        "the floor of a scale at 16 bits", "heads/mixture.py",
        "-7.0 - math.log(max(levels - 1, 255) / 255), _WIDEST", "-7.0, _WIDEST",
        "heads/test_mixture.py::test_the_floor_of_the_scale",
    ),
    # ------------------------------------------------------------------ native steps
    Fault(
        "a mixture's temperature is left to the kernel", "walks/draws.py",
        "cast(Any, walk.stepper).heats and steer.plain", "steer.plain",
        "native/test_backend.py::test_a_temperature_is_heeded_by_every_head[0.3]",
    ),
    Fault(
        "a run overwrites the state before it", "models/wavenet_steps.py",
        "old.frames.transpose(0, 1).clone(memory_format=torch.contiguous_format).transpose(0, 1)", "old.frames",
        "native/test_backend.py::test_a_field_that_ends_in_a_run_leaves_the_walk_as_it_was",
    ),
    Fault(
        "a run goes on over the end of a column", "models/wavenet_steps.py",
        "[*steady, hop - (rings.clock + offset) % hop]", "[*steady, hop]",
        "native/test_backend.py::test_a_run_keeps_to_the_columns_of_a_field",
    ),
    Fault(
        "a walk runs in the middle of a position", "walks/walk.py",
        'self.stepper.backend == "native" and self._parameters is None and', 'self.stepper.backend == "native" and',
        "native/test_backend.py::test_a_run_refuses_what_it_cannot_draw",
    ),
    Fault(
        "a compiled Transformer rotates by the last position",
        "kernels/native/transformer.py",
        "                _turn(qkv[h], past.cos[clock], past.sin[clock])",
        "                _turn(qkv[h], past.cos[max(0, clock - 1)], past.sin[max(0, clock - 1)])",
        "laws/test_laws_models.py::test_native_law",
    ),
    Fault(
        "compiled beams read the wrong source",
        "kernels/native/transformer.py",
        "slice(h * channels, (h + 1) * channels), r // shared",
        "slice(h * channels, (h + 1) * channels), r % past.keys.shape[1]",
        "native/test_states.py",
    ),
    Fault(
        "a compiled ByteNet's rings are not where the state says",
        "models/bytenet_steps.py",
        "Ring(part.view_as(each.frames), int(clock)) for",
        "Ring(part.view_as(each.frames), 0) for",
        "laws/test_laws_models.py::test_native_law",
    ),
    Fault(
        "the stack above a compiled row misses its pixels",
        "models/gated_pixelcnn.py",
        "        state.row.flatten(1)[:, start : start + values.shape[1]] = values",
        "        del state, start, values",
        "laws/test_laws_models.py::test_native_law",
    ),
    Fault(
        "a compiled row lacks the last drawn sub-pixel's neighbours",
        "kernels/native/pixels.py",
        "        if t + 1 < count:",
        "        if t + 2 < count:",
        "laws/test_laws_models.py::test_native_law",
    ),
    Fault(
        "a text that has ended is drawn on in its run",
        "text/generation.py",
        "            self._dropped |= {row for row, symbol in rows if symbol == self.end}",
        "            pass",
        "text/test_generation.py",
    ),
    Fault(
        "others may write to the folder of kernels", "kernels/native/kept.py",
        "not found.st_mode & stat.S_IWOTH and", "",
        "native/test_backend.py::test_a_folder_that_others_may_write_to_is_not_used",
    ),
    Fault(
        "a kernel's quantile with the signs of the other tail", "kernels/native/drawing.py",
        "return -found if q < 0 else found", "return found if q < 0 else -found",
        "native/test_kernels.py::test_quantile[1]",
    ),
    # ------------------------------------------------------------------ layers and families
    Fault(
        "a GRU's reset gate on the state", "kernels/recurrent.py",
        "                    n.addcmul_(r, q).tanh_()", "                    n.addcmul_(z, q).tanh_()",
        "causal/test_recurrent.py::test_it_is_pytorch_s_and_so_are_its_gradients",
    ),
    Fault(
        "rotary positions turn the other way for keys", "causal/attention.py",
        "q, k = rotate(q, cos, sin), rotate(k, cos, sin)", "q, k = rotate(q, cos, sin), rotate(k, cos, -sin)",
        "text/test_huggingface.py::test_a_llama_has_the_same_logits",
    ),
    Fault(
        "rotary angles in half precision", "causal/attention.py",
        'exact = torch.float32 if like.device.type == "mps" else torch.float64', "exact = like.dtype",
        "causal/test_attention.py::test_far_positions_differ_in_half_precision",
    ),
    Fault(
        "rotary angles in float32", "causal/attention.py",
        'exact = torch.float32 if like.device.type == "mps" else torch.float64',
        "exact = torch.float64 if like.dtype == torch.float64 else torch.float32",
        "laws/test_laws_long.py::test_a_layer_in_float32_over_8192_frames[attention-two-frequencies]",
    ),
    Fault(
        "a blind channel gets a length", "raster/shifted.py",
        "torch.where(spread > _NO_SPREAD, self.scale / spread, 1.0)", "self.scale / spread",
        "raster/test_shifted.py::test_a_channel_that_sees_no_spread_keeps_its_length",
    ),
    Fault(
        "a gated stack's filter and gate are exchanged", "kernels/gates.py",
        "return torch.addcmul(gates, filters, gates, value=-2, out=out)",
        "return torch.addcmul(filters, filters, gates, value=-2, out=out)",
        "causal/test_gated.py::test_it_is_the_textbook_s_and_so_are_its_gradients",
    ),
    Fault(
        "an encoder's keys turn the other way", "conditioning/text.py",
        "rotate(q, cos, sin), rotate(k, cos, sin), v, mask", "rotate(q, cos, sin), rotate(k, cos, -sin), v, mask",
        "conditioning/test_text_encoder.py::test_it_is_the_textbook_s[transformer]",
    ),
    Fault(
        "a multiplicative unit's gates are exchanged", "kernels/multiplicative.py",
        "g1, g2, g3, u = y.chunk", "g1, g3, g2, u = y.chunk",
        "models/test_textbook.py::test_a_family_is_its_textbook_s[bytenet-memory-multiplicative-vector]",
    ),
    Fault(
        "the gate of a Gated PixelCNN is turned round", "models/gated_pixelcnn.py",
        "return a.tanh() * b.sigmoid()", "return a.sigmoid() * b.tanh()",
        "models/test_textbook_pictures.py::test_a_family_is_its_textbook_s[gated-pixelcnn-rgb-conditions]",
    ),
    Fault(
        "a smaller picture's condition is the largest of four", "models/pixelcnn_pp.py",
        "F.avg_pool2d(", "F.max_pool2d(",
        "models/test_textbook_pictures.py::test_a_family_is_its_textbook_s[pixelcnn++-conditions]",
    ),
    Fault(
        "a shortcut without its negative half", "raster/shifted.py",
        "return torch.cat([half for sign in signs for half in sign], -1)",
        "return torch.cat([sign[0] for sign in signs for half in sign], -1)",
        "models/test_textbook_pictures.py::test_a_family_is_its_textbook_s[pixelcnn++]",
    ),
    Fault(
        "a small picture is enlarged without a bend", "models/cascade.py",
        "y = F.elu(self.up(F.elu(self.before(x.permute(0, 3, 1, 2)))))",
        "y = self.up(F.elu(self.before(x.permute(0, 3, 1, 2))))",
        "models/test_textbook_pictures.py::test_scales_are_their_families_one_on_the_other[multiscale]",
    ),
    Fault(
        "what a fast scale sees of a slow one is straight", "models/sound_steps.py",
        "return F.elu(self.each(x)[0])",
        "return self.each(x)[0]",
        "models/test_sound_scales.py::test_it_is_its_textbook_s[sound-scales]",
    ),
    Fault(
        "slow samples beyond the end are taken for old ones", "models/sound_steps.py",
        "found[:, max(0, there) :] = self.model.ahead.levels",
        "pass",
        "laws/test_laws_models.py::test_step_law[model-length-sound-scales]",
    ),
    Fault(
        "slow samples are paid by both scales", "models/sound_cascade.py",
        "number = np.where(order % k == 0, (order % k == 0).cumsum() - 1, lower.shape[1] + order)",
        "number = lower.shape[1] + order",
        "laws/test_laws_models.py::test_strictness_and_sight[sound-scales]",
    ),
    Fault(
        "an excerpt ends where it counts no more", "audio/data/excerpts.py",
        "ends = [min(stop + self.arrangement.ahead, size) for",
        "ends = [min(stop, size) for",
        "audio/test_sound_scales_runs.py::test_rows_say_where_they_end_and_see_what_comes_after_them",
    ),
    Fault(
        "shorter recordings are filled up with silence", "audio/arrangement.py",
        "self.none, np.int64)",
        "0, np.int64)",
        "audio/test_sound_scales_runs.py::test_figures_are_those_of_whole_recordings_one_by_one",
    ),
    Fault(
        "of a prompt what is read late is drawn", "audio/streaming.py",
        "if time < self.begun:",
        "if time < 0:",
        "audio/test_sound_scales_runs.py::test_a_prompt_is_forced_where_the_order_comes_to_it",
    ),
    Fault(
        "the curve of quiet sounds", "causal/values.py", "_MU = 255", "_MU = 25",
        "models/test_textbook.py::test_a_family_is_its_textbook_s[wavenet-logistic]",
    ),
    Fault(
        "a Diagonal BiLSTM's states above and beside are exchanged", "models/diagonal_bilstm.py",
        "weight = [g(x, context) for g in gates], torch.stack([g.state for g in gates])",
        "weight = [g(x, context) for g in gates], torch.stack([g.state.roll(len(g.state) // 2, 0) for g in gates])",
        "models/test_textbook_pictures.py::test_a_family_is_its_textbook_s[diagonal-bilstm]",
    ),
    Fault(
        "dropout while sampling", "models/base.py",
        "        training = self.training\n        self.eval()\n", "        training = self.training\n",
        "laws/test_laws_models.py::test_a_model_in_training_mode_draws_as_one_in_evaluation_mode",
    ),
    # ------------------------------------------------------------------ pictures
    Fault(
        "the prior of a posterior", "runs/bayes.py",
        "None if progress is None else told) + np.log(weights[i])", "None if progress is None else told)",
        "image/test_image_runs.py::test_the_prior_counts",
    ),
    Fault(
        "bits per pixel for bits per sub-pixel", "image/figures.py",
        "return self.nats_per_image / (self.dims * math.log(2))",
        "return self.nats_per_image / (self.dims / 3 * math.log(2))",
        "image/test_image_runs.py::test_bits_per_dim_are_those_of_the_model",
    ),
    Fault(
        "levels are rounded", "symbols/levels.py",
        "return pixels.astype(np.int64) * self.levels >> (8 * pixels.dtype.itemsize)",
        "return (pixels.astype(np.int64) * (self.levels - 1) + 127) // (2 ** (8 * pixels.dtype.itemsize) - 1)",
        "image/test_levels.py::test_levels_are_floors",
    ),
    # ------------------------------------------------------------------ sound
    Fault(
        "stereo bits per sample are not halved", "audio/model.py", "size = count * self.channels", "size = count",
        "audio/test_audio_runs.py::test_stereo_at_16_bits",
    ),
    Fault(
        "sound's standard error over blocks", "audio/model.py", "relative_error(terms, None)", "relative_error(terms)",
        "audio/test_audio_runs.py::test_figures_are_those_of_whole_recordings",
    ),
    Fault(
        "a track out of step", "audio/data/aligned.py",
        "if spare < 0 or (spare > _SPARE and not cut):", "if spare < 0:",
        "audio/test_aligned_conditions.py::test_a_track_with_more_rows_than_rounding_gives_is_refused",
    ),
    Fault(
        "μ is the number of levels", "audio/quantiser.py",
        "            mu = self.levels - 1\n", "            mu = self.levels\n",
        "audio/test_quantiser.py::test_mu_is_one_less_than_the_levels",
    ),
    Fault(
        "mel of another constant", "audio/features.py",
        "return 2595 * float(np.log10(1 + hertz / 700))", "return 2595 * float(np.log10(1 + hertz / 1000))",
        "audio/test_features.py::test_log_mel_by_hand",
    ),
    # ------------------------------------------------------------------ runs, files, what is printed
    Fault(
        "links that come later are followed", "runs/files.py",
        'flags | getattr(os, "O_NOFOLLOW", 0)', "flags",
        "runs/test_folder.py::test_links_that_come_later_are_not_followed",
    ),
    Fault(
        "links are not looked for", "runs/folder.py",
        "if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):",
        "if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and not stat.S_ISLNK(mode):",
        "runs/test_folder.py::test_a_run_with_a_link_in_it_is_not_written",
    ),
    Fault(
        "a run has two writers", "runs/folder.py", "        lock.acquire()\n", "",
        "runs/test_folder.py::test_a_run_has_one_writer",
    ),
    Fault(
        "a reader looks once", "runs/files.py",
        "for last in (False, False, False, True):", "for last in (True,):",
        "runs/test_folder.py::test_what_is_read_again_is_the_new_pair",
    ),
    Fault(
        "escapes reach the terminal", "errors.py",
        'c if c.isprintable() or c in "\\n\\t" else c.encode("unicode_escape").decode()', "c",
        "cli/test_escapes.py::test_a_message_quotes_without_control_characters_and_ends",
    ),
    Fault(
        "threads spin for long", "cli/__init__.py", '"GOMP_SPINCOUNT", "2000"', '"GOMP_SPINCOUNT", "30000000000"',
        "cli/test_spin.py::test_the_spin_is_short_unless_the_user_chose_before_torch_is_loaded",
    ),
    Fault(
        "deviations of a sample, not of the population", "symbols/scale.py",
        "std = np.sqrt(squares / count)", "std = np.sqrt(squares / max(1, count - 1))",
        "symbols/test_labels_numbers.py::test_numbers_are_standardised",
    ),
    # ------------------------------------------------------------------ real values
    Fault(
        "real symbols are padded as integers", "models/likelihood.py",
        'dtype=kind if kind.kind == "f" else np.int64)', "dtype=np.int64)",
        "test_examples.py::test_the_examples_of_a_module[seriatim.models.likelihood]",
    ),
    Fault(
        "a missing value counts", "heads/base.py",
        "return torch.where(missing if self.parts == 1 else missing.any(-1), 0.0, terms)", "return terms",
        "heads/test_densities.py::test_what_is_missing_counts_nothing_and_passes_no_gradient",
    ),
    Fault(
        "a missing value is replaced after the density", "heads/base.py",
        "terms = self(parameters).log_prob(torch.where(missing, 0, x))", "terms = self(parameters).log_prob(x)",
        "heads/test_densities.py::test_what_is_missing_counts_nothing_and_passes_no_gradient",
    ),
    Fault(
        "a scale is left out of the likelihood", "heads/composed.py",
        "return self.inner.log_prob((x - self.location) / self.scale) - self.scale.log()\n",
        "return self.inner.log_prob((x - self.location) / self.scale)\n",
        "laws/test_laws_heads.py::test_densities_integrate_to_one[scaled]",
    ),
    Fault(
        "values after the end cost something", "heads/composed.py",
        "values = torch.where(self._ended(category), 0.0, values)", "values = values",
        "models/test_stop.py::test_what_has_ended_and_what_has_not_sum_to_one",
    ),
    Fault(
        "the scale is not standardised out of the input", "causal/reals.py",
        "(value - location) * (-log_scale).exp()", "(value - location)",
        "test_examples.py::test_the_examples_of_a_module[seriatim.causal.reals]",
    ),
    Fault(
        "a moving average has the other sign", "causal/kalman.py",
        "return -_product(ar, seasonal_ar, self.season), _product(ma, seasonal_ma, self.season)",
        "return -_product(ar, seasonal_ar, self.season), -_product(ma, seasonal_ma, self.season)",
        "models/test_linear.py::test_an_arma_likelihood_is_that_of_statsmodels",
    ),
    Fault(
        "a gap is read by the Kalman filter as a 0", "causal/kalman.py",
        "gain = torch.where(missing[:, None], 0.0, covariance[:, :, 0] / covariance[:, :1, 0])",
        "gain = covariance[:, :, 0] / covariance[:, :1, 0]",
        "models/test_linear.py::test_an_arma_likelihood_is_that_of_statsmodels",
    ),
    Fault(
        "the variance of a shock is that of two", "causal/volatility.py",
        "drive = omega + every", "drive = 2 * omega + every",
        "models/test_linear.py::test_a_garch_likelihood_is_that_of_arch",
    ),
    Fault(
        "Student's t is not standardised", "heads/moments.py",
        "deviation * ((freedom - 2) / freedom).sqrt())", "deviation)",
        "models/test_linear.py::test_a_garch_likelihood_is_that_of_arch",
    ),
    Fault(
        "the temperature multiplies the deviation", "heads/gaussian.py",
        "self.scale * math.sqrt(temperature))", "self.scale * temperature)",
        "heads/test_densities.py::test_the_temperature_multiplies_the_variance",
    ),
    Fault(
        "what is coded is not read in windows", "coding/models.py",
        "[Window(0, length, 0)] if horizon is None else", "[Window(0, length, 0)] if True else",
        "coding/test_compression.py::test_beyond_the_horizon_the_bits_are_those_of_the_likelihood",
    ),
    Fault(
        "a list is cut by position", "text/data/opening.py",
        "if _plain(path, name, options) and itemised", "if False and itemised",
        "text/test_lines.py::test_each_line_of_a_list_is_a_document",
    ),
    # ------------------------------------------------------------------ films
    Fault(
        "the state before a piece of a film is forgotten", "causal/conv_lstm.py",
        "if state is not None or t:", "if t:",
        "models/test_nested.py::test_a_film_in_pieces_is_the_film",
    ),
    Fault(
        "a frame's map is of the frame itself", "models/nested.py",
        "read = torch.cat([before, shown[:, :-1]], 1)", "read = torch.cat([before, shown[:, 1:]], 1)",
        "models/test_nested.py::test_a_pixel_knows_nothing_of_later_frames_nor_of_its_own_frame_s_later_pixels",
    ),
    Fault(
        "the last pixel of a frame is not in what the next one reads", "models/nested.py",
        "            state.frame[:, -1] = prev\n", "            pass\n",
        "models/test_nested.py::test_a_prompt_may_end_anywhere",
    ),
    Fault(
        "a piece of a film reads the first actions", "models/nested.py",
        "torch.arange(first, first + frames,", "torch.arange(0, frames,",
        "models/test_nested.py::test_a_film_in_pieces_is_the_film",
    ),
    Fault(
        "forget and input gate of the convolutional LSTM are exchanged", "causal/conv_lstm.py",
        "o, f, i, g = y.chunk(4, 1)", "o, i, f, g = y.chunk(4, 1)",
        "models/test_textbook_films.py::test_the_video_pixel_network_is_its_textbook_s",
    ),
    Fault(
        "the map enters both units of a block", "raster/multiplicative.py",
        "h, look = unit(h, y if look is None else y + look), None", "h = unit(h, y if look is None else y + look)",
        "models/test_textbook_films.py::test_the_video_pixel_network_is_its_textbook_s",
    ),
    Fault(
        "clips of a film count as independent", "video/figures.py",
        "np.add.at(sums, owner, away)", "sums[:] = np.sqrt(away.shape[0] / len(sums)) * away.std(0)",
        "video/test_video_model.py::test_figures_are_those_of_the_films_counted_by_hand",
    ),
    Fault(
        "a long film's pieces have the first frames' actions", "video/likelihood.py",
        "nested.frames(some, context, film, start)", "nested.frames(some, context, film, 0)",
        "video/test_video_model.py::test_films_of_several_lengths_and_long_ones_in_pieces",
    ),
    Fault(
        "frames that are given are trained on", "video/task.py",
        "mask[:, : self.options.given_frames] = False", "mask[:, :0] = False",
        "video/test_video_runs.py::test_frames_that_are_given_do_not_count",
    ),
    Fault(
        "a clip has the actions of its film's beginning", "video/task.py",
        "own = [self.films.actions[clip.film][clip.start : clip.start + frames] for clip in chosen]",
        "own = [self.films.actions[clip.film][:frames] for clip in chosen]",
        "video/test_video_runs.py::test_every_clip_comes_once_an_epoch_with_its_own_conditions",
    ),
    Fault(
        "actions beyond a film's end stay", "video/conditions.py",
        "return [rows[:length] for rows, length in zip(found, lengths, strict=True)]", "return found",
        "video/test_video_model.py::test_actions_may_go_on_after_a_film_and_not_end_before",
    ),
    Fault(
        "a cross-entropy is given as a likelihood", "video/model.py",
        "        if not self.likelihood:\n", "        if False:\n",
        "video/test_video_model.py::test_a_cross_entropy_is_no_likelihood_and_named_so",
    ),
    Fault(
        "a label is inferred without the actions", "video/model.py", "{**other, name: label}", "{name: label}",
        "video/test_video_model.py::test_the_posterior_of_a_label_follows_bayes_rule_given_the_actions",
    ),
    Fault(
        "the blue border goes on by a frame", "drawing/films.py",
        "_GIVEN if frame < count else _DRAWN", "_GIVEN if frame <= count else _DRAWN",
        "video/test_drawing_films.py::test_a_sheet_has_a_row_for_each_film_and_borders_by_what_is_given",
    ),
    Fault(
        "no frames are asked for, and a clip's are drawn", "cli/kinds/video.py",
        "if asked.extent.frames is None else", "if not asked.extent.frames else",
        "video/test_video_commands.py::test_one_line_says_what_is_wrong[sample run --frames 0]",
    ),
    Fault(
        "an element is given one more than k", "instruments/horizon.py",
        "(place.row, max(0, place.at - k), place.at + 1)", "(place.row, max(0, place.at - k - 1), place.at + 1)",
        "instruments/test_horizon.py",
    ),
    Fault(
        "a map stays where it was when the picture moves", "instruments/rows.py",
        "_moved(context.field, s)", "context.field",
        "instruments/test_horizon.py::test_rows_above_are_those_of_a_picture_that_begins_lower",
    ),
    Fault(
        "what is told of a row is told of its neighbour", "instruments/rows.py",
        "nats[:, row - s]", "nats[:, row - s - 1]",
        "instruments/test_horizon.py::test_rows_above_are_those_of_a_picture_that_begins_lower",
    ),
    Fault(
        "strengths are shifted by one", "instruments/sight.py",
        "row[:last][::-1]", "row[:last]",
        "instruments/test_sight.py::test_strengths_are_finite_differences",
    ),
    Fault(
        "attention is not counted", "instruments/cost.py",
        "    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,\n", "",
        "instruments/test_sight.py::test_multiplications_of_a_transformer_by_hand",
    ),
    Fault(
        "a bounded matrix is not brought back after a step", "training/loop.py",
        "        self.model.keep_bounds()\n", "", "models/test_stable.py::test_training_stays_within_the_bound",
    ),
    Fault(
        "a letter too few is asked", "text/recall.py",
        "slice(max(0, len(row) - sizes[d]), len(row))", "slice(max(0, len(row) - sizes[d] + 1), len(row))",
        "text/test_recall.py::test_letters_are_counted_as_a_plain_loop_counts_them",
    ),
]  # fmt: skip


class Result(NamedTuple):
    """Whether a fault was caught, what came instead, how long it took."""

    name: str
    caught: bool
    seconds: float
    what: str = ""


def planted(source: Path, fault: Fault) -> str:
    """The text of a fault's file with the fault in it.

    Raises:
        SystemExit: if the old text does not stand there exactly once.
    """
    text = source.read_text(encoding="utf-8")
    count = text.count(fault.old) if fault.old else 0
    if count != 1:
        raise SystemExit(f"{fault.name}: the old text stands {count} times in {fault.file}; write the fault anew")
    return text.replace(fault.old, fault.new)


def run(copy: Path, tests: Sequence[str], *options: str) -> tuple[int, str]:
    """Run tests of the copy: pytest's exit code and the end of what it says."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    try:
        done = subprocess.run(
            [*command, *(f"tests/{test}" for test in tests)],
            cwd=copy, env=environment, capture_output=True, text=True, timeout=None if len(tests) > 1 else _LONGEST,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, f"no end within {_LONGEST} seconds"
    return done.returncode, (done.stdout + done.stderr)[-3000:]


def copied(place: Path) -> Path:
    """A copy of the tree, which imports itself."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
        else:
            shutil.copy2(source, place / name)
    where = [sys.executable, "-c", "import seriatim; print(seriatim.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(place / "src")}
    found = subprocess.run(where, env=environment, cwd=place, capture_output=True, text=True, check=True).stdout
    if not Path(found.strip()).is_relative_to(place):
        raise SystemExit(f"the copy imports {found.strip()}; unset what comes before PYTHONPATH")
    return place


_TIMES = itertools.count(int(time.time()), -2)


def write(path: Path, text: str) -> None:
    """Write a file with a time of its own: what Python has compiled of it before is not taken for it."""
    path.write_text(text, encoding="utf-8")
    when = next(_TIMES)
    os.utime(path, (when, when))


def plant(copy: Path, fault: Fault) -> Result:
    """Plant a fault, run its test, and put the file back."""
    path, began = copy / "src" / "seriatim" / fault.file, time.perf_counter()
    right = path.read_text(encoding="utf-8")
    write(path, planted(path, fault))
    try:
        code, said = run(copy, [fault.test], "-x")
    finally:
        write(path, right)
    what = "" if code == _FAILED else "its test passes" if code == 0 else f"pytest ends with {code}: {said}"
    return Result(fault.name, code == _FAILED, time.perf_counter() - began, what)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this fault alone")
    only = parser.parse_args().only
    names = [fault.name for fault in FAULTS]
    if unknown := [name for name in only if name not in names] or [name for name in names if names.count(name) > 1]:
        raise SystemExit(f"{unknown[0]!r} is not the name of one fault; there are: {', '.join(names)}")
    chosen = [fault for fault in FAULTS if not only or fault.name in only]
    for fault in chosen:
        planted(ROOT / "src" / "seriatim" / fault.file, fault)
    began, results = time.perf_counter(), list[Result]()
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder).resolve())
        code, said = run(copy, sorted({fault.test for fault in chosen}))
        if code:
            raise SystemExit(f"without a fault, tests named for one fail:\n{said}")
        print(f"{len(chosen)} faults; their tests pass without one ({time.perf_counter() - began:.0f} s)", flush=True)
        for fault in chosen:
            results.append(plant(copy, fault))
            last = results[-1]
            print(
                f"{'caught' if last.caught else 'MISSED'}  {last.seconds:5.1f} s  {last.name}  {last.what}", flush=True
            )
    caught = sum(result.caught for result in results)
    print(f"{caught} of {len(results)} caught, {time.perf_counter() - began:.0f} s")
    return 0 if caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
