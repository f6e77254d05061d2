"""Who loses most: every further column of the images (site, sex, age, device) taken apart into groups.

`columns` makes groups of the texts of a column and says of which columns none can be made; `measure` scores the groups
on validation and test and corrects for their number (`stats.max_statistic`). A group says where the loss sits, not why.
"""

from heldout.diagnosis.groups.measure import GroupLoss, GroupTable, measure_groups

__all__ = ["GroupLoss", "GroupTable", "measure_groups"]
