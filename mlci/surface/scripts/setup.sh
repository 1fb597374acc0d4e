# Installs what training needs: as the input setup says, else requirements.txt beside the configuration or at the top. Then
# brings the data, as the input fetch says.
set -e
mlci_top=$PWD
# A job that ends before it has trained hands nothing on, whatever lies here.
rm -rf mlci-model

mlci_requirements() {
  mlci_config=${MLCI_MODEL_CI_CONFIG:-${MLCI_CODE_CI_CONFIG:-}}
  case "$mlci_config" in
    */*) mlci_beside=${mlci_config%/*} ;;
    *) mlci_beside=. ;;
  esac
  for mlci_folder in "$mlci_beside" .; do
    if [ -f "$mlci_folder/requirements.txt" ]; then
      python -m pip install --disable-pip-version-check -r "$mlci_folder/requirements.txt"
      return
    fi
  done
  echo "There is no requirements.txt, so nothing is installed. The input setup says what to install otherwise."
}

if [ "${MLCI_MODEL_CI_TOUCHED:-}${MLCI_DATA_CHECK_TOUCHED:-}" = false ]; then
  echo "The change touches nothing of the model, so nothing is installed."
else
  if [ -n "${MLCI_SETUP:-}" ]; then
    eval "$MLCI_SETUP"
    cd "$mlci_top"
  elif [ "$MLCI_COMMAND" != data-check ]; then
    mlci_requirements
  fi
  if [ -n "${MLCI_FETCH:-}" ]; then
    eval "$MLCI_FETCH"
    cd "$mlci_top"
  fi
fi
