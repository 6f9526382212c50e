"""What the report says, in English and in Chinese."""

WORDS = {
    # Headings, which are the page's places too.
    "curves": ("Learning curves", "学习曲线"),
    "classes": ("Classes", "各类别"),
    "confusion": ("Confusion matrix", "混淆矩阵"),
    "confusions": ("What is taken for what", "混淆情况"),
    "calibration": ("Calibration", "校准"),
    "worst": ("Worst mistakes", "最严重的错误"),
    "least_sure": ("Least sure", "最没把握的图片"),
    "explanations": ("Explanations", "预测解释"),
    "data": ("Damaged and duplicate files", "损坏与重复的文件"),
    "usage": ("How to use the model", "如何使用模型"),
    "recipe": ("Recipe", "训练配置"),
    "speed": ("Speed", "速度"),
    "environment": ("Environment", "运行环境"),
    # Figures.
    "top1": ("Top-1 accuracy", "Top-1 准确率"),
    "top_k": ("Top-{} accuracy", "Top-{} 准确率"),
    "macro_f1": ("Macro F1", "宏平均 F1"),
    "weighted_f1": ("Weighted F1", "加权平均 F1"),
    "loss": ("Loss (nats)", "损失 (nats)"),
    "nll": ("NLL (nats)", "负对数似然 NLL (nats)"),
    "ece": ("Calibration error", "校准误差 (ECE)"),
    "test_top1": ("Top-1 on untouched test images", "独立测试集 Top-1 准确率"),
    # Columns.
    "class": ("class", "类别"),
    "f1": ("F1", "F1"),
    "recall": ("recall", "召回率"),
    "precision": ("precision", "精确率"),
    "images": ("images", "图片数"),
    "predicted": ("predicted", "预测数"),
    "taken_for": ("most often taken for", "最常被误认为"),
    "mistakes": ("mistakes", "错误数"),
    "true_class": ("true class", "真实类别"),
    "answer": ("predicted class", "预测类别"),
    "count": ("images", "图片数"),
    "share": ("of the true class", "占真实类别的比例"),
    "file": ("file", "文件"),
    "reason": ("reason", "原因"),
    "same_as": ("same picture as", "与之相同的图片"),
    "as_given": ("as given", "原始顺序"),
    # Sentences.
    "measured_on": ("Measured on", "测试数据："),
    "tiles_note": (
        "Ranges hold 95 % of the uncertainty that the number of images brings: Wilson's for shares of images, "
        "the bootstrap's for the rest.",
        "区间为 95 % 置信区间，只反映图片数量带来的不确定性：准确率用 Wilson 区间，其余用自助法 (bootstrap)。",
    ),
    "temperature_note": ("Probabilities are computed with the temperature", "计算概率时使用的温度："),
    "chosen_note": (
        "The best epoch was chosen on these same images, so new images may be answered a little less well.",
        "最佳轮次是在这些图片上选出的，因此在新图片上的结果可能略低。",
    ),
    "classes_note": (
        "The weakest first; a click on a column sorts by it. Small: 95 % intervals. A dash: no image of the class, or "
        "never predicted.",
        "最弱的类别排在最前；点击表头可排序。小字为 95 % 区间。短横线表示没有该类别的图片，或从未预测为该类别。",
    ),
    "confusion_note": (
        "A row is a true class, a column an answer; a cell is darker the larger its share of the row.",
        "行为真实类别，列为预测类别；占该行比例越大，颜色越深。",
    ),
    "matrix_part": (
        "Shown are the classes with the most mistakes; classes left out:",
        "仅显示错误最多的类别；未显示的类别数：",
    ),
    "order_by": ("Order by", "排序方式"),
    "true_predicted": ("true \\ predicted", "真实 \\ 预测"),
    "calibration_note": (
        "Bars on the dashed line: of the answers that are 80 % sure, 80 % are right.",
        "柱顶落在虚线上表示：概率为 80 % 的预测中有 80 % 是正确的。",
    ),
    "worst_note": ("Wrong answers, the surest first.", "预测错误的图片，按错误预测的概率从高到低排列。"),
    "least_sure_note": ("The smallest probability for the answer first.", "按预测类别的概率从低到高排列。"),
    "true": ("true:", "真实类别："),
    "damaged": ("Files that could not be read and were left out", "无法读取、已跳过的文件"),
    "duplicates": ("The same picture more than once", "内容相同的图片"),
}
