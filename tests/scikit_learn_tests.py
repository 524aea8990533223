"""Scikit-learn's own tests of its SGD and MLP estimators, and what each has become here.

A name of a test beside it is one of ours that asks the same of our estimators, or of what they train with; a reason in
words says why the question does not arise.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Met:
    """In spirit, by a test of ours: `file` below `tests`, and its name there."""

    file: str
    test: str


@dataclass(frozen=True)
class Absent:
    """What the test is about is not there, with the reason."""

    reason: str


def here(test: str) -> Met:
    return Met("test_sklearn.py", test)


def new(test: str) -> Met:
    return Met("test_sklearn_scenarios.py", test)


CHECKS = here("test_scikit_learns_own_checks")
AVERAGES = Absent("parameters are not averaged over steps")
ONE_CLASS = Absent("there is no estimator of one class")
PASSIVE_AGGRESSIVE = Absent("there is no passive-aggressive rule")
ONE_RATIO = Absent("the penalties l1 and l2 are two options, not one with a ratio")
CLASS_WEIGHTS = Absent("classes are weighted by sample_weight; there is no class_weight")
STARTS = Absent("parameters start by the model's rule and the seed; there is no coef_init")
SEVERAL_TARGETS = Absent("one target, and one label for each row")
SPARSE = Absent("features are dense")
OTHER_LOSS = Absent("there is no such loss")
INSIDE = Absent("it is about the inside of scikit-learn's code")
PRINTS = Absent("an estimator prints nothing; the losses are in loss_curve_, callbacks are told as it goes on")
PLATEAU = Absent("a learning rate is a formula of the step; none waits for a plateau")

OF_SGD: dict[str, Met | Absent] = {
    "test_warm_start": here("test_a_warm_start_goes_on_from_the_last_parameters"),
    "test_input_format": CHECKS,
    "test_learning_rate_PA_raises": PASSIVE_AGGRESSIVE,
    "test_clone": here("test_a_round_trip_predicts_the_same_and_goes_on"),
    "test_plain_has_no_average_attr": AVERAGES,
    "test_late_onset_averaging_not_reached": AVERAGES,
    "test_late_onset_averaging_reached": AVERAGES,
    "test_early_stopping": here("test_early_stopping_keeps_the_best_epoch_by_rows_kept_back"),
    "test_adaptive_longer_than_constant": PLATEAU,
    "test_validation_set_not_used_for_training": new("test_rows_kept_back_are_not_learned_from"),
    "test_n_iter_no_change": new("test_more_patience_is_never_fewer_epochs"),
    "test_not_enough_sample_for_early_stopping": new("test_no_rows_to_learn_from_or_to_judge_by_are_refused"),
    "test_sgd_l1_ratio_not_used": ONE_RATIO,
    "test_sgd_failing_penalty_validation": here("test_a_wrong_parameter_is_named_as_for_fit"),
    "test_power_t_limits": here("test_a_wrong_parameter_is_named_as_for_fit"),
    "test_sgd_clf": new("test_two_clouds_are_told_apart_by_every_loss_of_classes"),
    "test_provide_coef": STARTS,
    "test_set_intercept_offset": STARTS,
    "test_sgd_early_stopping_with_partial_fit": here("test_a_partial_fit_with_patience_takes_its_epoch_all_the_same"),
    "test_set_intercept_offset_binary": STARTS,
    "test_average_binary_computed_correctly": AVERAGES,
    "test_set_intercept_to_intercept": STARTS,
    "test_sgd_at_least_two_labels": new("test_one_class_is_refused"),
    "test_partial_fit_weight_class_balanced": CLASS_WEIGHTS,
    "test_sgd_multiclass": here("test_classes_end_where_logistic_regression_does"),
    "test_sgd_multiclass_average": AVERAGES,
    "test_sgd_multiclass_with_init_coef": STARTS,
    "test_sgd_multiclass_njobs": new("test_threads_change_no_bit"),
    "test_set_coef_multiclass": STARTS,
    "test_sgd_predict_proba_method_access": here("test_a_loss_without_probabilities_has_none"),
    "test_sgd_proba": here("test_classes_end_where_logistic_regression_does"),
    "test_sgd_l1": new("test_an_l1_penalty_makes_weights_of_noise_zero"),
    "test_class_weights": new("test_a_class_counts_as_much_as_its_rows_weigh"),
    "test_equal_class_weight": here("test_weights_are_those_of_scikit_learn"),
    "test_wrong_class_weight_label": CLASS_WEIGHTS,
    "test_weights_multiplied": CLASS_WEIGHTS,
    "test_balanced_weight": new("test_a_class_counts_as_much_as_its_rows_weigh"),
    "test_sample_weights": here("test_weights_are_those_of_scikit_learn"),
    "test_wrong_sample_weights": CHECKS,
    "test_partial_fit_exception": here("test_the_first_partial_fit_may_know_of_classes_that_come_later"),
    "test_partial_fit_binary": here("test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit"),
    "test_partial_fit_multiclass": here("test_the_first_partial_fit_may_know_of_classes_that_come_later"),
    "test_partial_fit_multiclass_average": AVERAGES,
    "test_fit_then_partial_fit": here("test_partial_fits_go_on_after_a_fit_and_take_other_rows"),
    "test_partial_fit_equal_fit_classif": here("test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit"),
    "test_regression_losses": Met("content/test_losses.py", "test_value_and_slopes_against_torch"),
    "test_warm_start_multiclass": here("test_a_warm_start_goes_on_from_the_last_parameters"),
    "test_multiple_fit": new("test_a_second_fit_may_be_on_other_features"),
    "test_sgd_reg": here("test_linear_models_end_where_scikit_learns_do"),
    "test_sgd_averaged_computed_correctly": AVERAGES,
    "test_sgd_averaged_partial_fit": AVERAGES,
    "test_average_sparse": AVERAGES,
    "test_sgd_least_squares_fit": here("test_linear_models_end_where_scikit_learns_do"),
    "test_sgd_epsilon_insensitive": OTHER_LOSS,
    "test_sgd_huber_fit": new("test_a_robust_loss_is_not_drawn_away_by_outliers"),
    "test_elasticnet_convergence": new("test_both_penalties_end_where_the_elastic_net_does"),
    "test_partial_fit": here("test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit"),
    "test_partial_fit_equal_fit": here("test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit"),
    "test_loss_function_epsilon": OTHER_LOSS,
    "test_warm_start_oneclass": ONE_CLASS,
    "test_clone_oneclass": ONE_CLASS,
    "test_partial_fit_oneclass": ONE_CLASS,
    "test_partial_fit_equal_fit_oneclass": ONE_CLASS,
    "test_late_onset_averaging_reached_oneclass": ONE_CLASS,
    "test_sgd_averaged_computed_correctly_oneclass": ONE_CLASS,
    "test_sgd_averaged_partial_fit_oneclass": ONE_CLASS,
    "test_average_sparse_oneclass": ONE_CLASS,
    "test_ocsvm_vs_sgdocsvm": ONE_CLASS,
    "test_sgd_oneclass_convergence": ONE_CLASS,
    "test_sgd_oneclass_vs_linear_oneclass": ONE_CLASS,
    "test_sgd_oneclass_vs_linear_oneclass_offsets_match": ONE_CLASS,
    "test_l1_ratio": new("test_both_penalties_end_where_the_elastic_net_does"),
    "test_underflow_or_overflow": new("test_columns_far_too_large_are_told_and_scaled_ones_are_learned"),
    "test_numerical_stability_large_gradient": new("test_a_large_penalty_draws_everything_to_zero"),
    "test_large_regularization": new("test_a_large_penalty_draws_everything_to_zero"),
    "test_tol_parameter": new("test_a_tolerance_ends_a_descent"),
    "test_loss_hinge": Met("content/test_losses.py", "test_value_and_slopes_against_torch"),
    "test_gradient_squared_hinge": OTHER_LOSS,
    "test_loss_modified_huber": OTHER_LOSS,
    "test_loss_epsilon_insensitive": OTHER_LOSS,
    "test_loss_squared_epsilon_insensitive": OTHER_LOSS,
    "test_multi_thread_multi_class_and_early_stopping": new("test_early_stopping_in_a_search_in_two_processes"),
    "test_multi_core_gridsearch_and_early_stopping": new("test_early_stopping_in_a_search_in_two_processes"),
    "test_SGDClassifier_fit_for_all_backends": new("test_threads_change_no_bit"),
    "test_sgd_random_state": new("test_the_seed_and_the_order_of_samples"),
    "test_validation_mask_correctly_subsets": new("test_rows_kept_back_are_not_learned_from"),
    "test_sgd_error_on_zero_validation_weight": new("test_weights_that_are_all_zero_are_refused"),
    "test_sgd_verbose": PRINTS,
    "test_sgd_dtype_match": new("test_features_in_single_precision_are_taken_as_they_are"),
    "test_sgd_numerical_consistency": new("test_features_in_single_precision_are_taken_as_they_are"),
    "test_sgd_one_class_svm_estimator_type": ONE_CLASS,
    "test_sgd_one_class_svm_formulation_with_scipy_minimize": ONE_CLASS,
}
OF_MLP: dict[str, Met | Absent] = {
    "test_alpha": new("test_a_large_penalty_draws_everything_to_zero"),
    "test_fit": Met("engines/test_array_loop.py", "test_gradients_are_those_of_torch"),
    "test_gradient": Met("engines/test_array_loop.py", "test_gradients_are_those_of_torch"),
    "test_lbfgs_classification": new("test_a_network_that_is_solved_knows_its_classes"),
    "test_lbfgs_regression": new("test_a_network_that_is_solved_follows_its_numbers"),
    "test_lbfgs_classification_maxfun": new("test_a_solver_stops_where_it_is_told"),
    "test_lbfgs_regression_maxfun": new("test_a_solver_stops_where_it_is_told"),
    "test_learning_rate_warmstart": PLATEAU,
    "test_multilabel_classification": SEVERAL_TARGETS,
    "test_multioutput_regression": SEVERAL_TARGETS,
    "test_partial_fit_classes_error": here("test_the_first_partial_fit_may_know_of_classes_that_come_later"),
    "test_partial_fit_classification": here("test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit"),
    "test_partial_fit_unseen_classes": here("test_the_first_partial_fit_may_know_of_classes_that_come_later"),
    "test_partial_fit_regression": here("test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit"),
    "test_partial_fit_errors": here("test_a_solver_has_no_partial_fit"),
    "test_nonfinite_params": new("test_columns_far_too_large_are_told_and_scaled_ones_are_learned"),
    "test_predict_proba_binary": here("test_classes_end_where_logistic_regression_does"),
    "test_predict_proba_multiclass": here("test_classes_end_where_logistic_regression_does"),
    "test_predict_proba_multilabel": SEVERAL_TARGETS,
    "test_shuffle": new("test_the_seed_and_the_order_of_samples"),
    "test_sparse_matrices": SPARSE,
    "test_tolerance": new("test_a_tolerance_ends_a_descent"),
    "test_verbose_sgd": PRINTS,
    "test_early_stopping": here("test_early_stopping_keeps_the_best_epoch_by_rows_kept_back"),
    "test_adaptive_learning_rate": PLATEAU,
    "test_warm_start": here("test_a_warm_start_goes_on_from_the_last_parameters"),
    "test_warm_start_full_iteration": new("test_a_warm_fit_takes_all_its_epochs"),
    "test_n_iter_no_change": new("test_more_patience_is_never_fewer_epochs"),
    "test_n_iter_no_change_inf": new("test_without_patience_every_epoch_is_taken"),
    "test_early_stopping_stratified": Absent("rows are kept back by the seed alone"),
    "test_mlp_early_stopping_string_labels": new("test_early_stopping_with_labels_in_words"),
    "test_mlp_classifier_dtypes_casting": new("test_features_in_single_precision_are_taken_as_they_are"),
    "test_mlp_regressor_dtypes_casting": new("test_features_in_single_precision_are_taken_as_they_are"),
    "test_mlp_param_dtypes": new("test_features_in_single_precision_are_taken_as_they_are"),
    "test_mlp_loading_from_joblib_partial_fit": here("test_a_round_trip_predicts_the_same_and_goes_on"),
    "test_preserve_feature_names": CHECKS,
    "test_mlp_warm_start_with_early_stopping": new("test_a_warm_fit_takes_all_its_epochs"),
    "test_mlp_warm_start_no_convergence": new("test_a_warm_fit_takes_all_its_epochs"),
    "test_mlp_partial_fit_after_fit": here("test_a_partial_fit_with_patience_takes_its_epoch_all_the_same"),
    "test_mlp_diverging_loss": new("test_a_divergence_with_early_stopping_is_told"),
    "test_mlp_sample_weight_with_early_stopping": new("test_equal_weights_are_none_with_early_stopping_too"),
    "test_mlp_vs_poisson_glm_equivalent": new("test_counts_end_where_poisson_regression_does"),
    "test_minimum_input_sample_size": new("test_no_rows_to_learn_from_or_to_judge_by_are_refused"),
}
